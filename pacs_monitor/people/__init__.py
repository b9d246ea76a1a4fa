"""People in the agent's own file: who they are, who of them is on call, and what they are told."""
