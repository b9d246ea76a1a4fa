"""HL7 v2 for checks: messages that concern no patient, what acknowledges them, and the frames that both travel in."""
