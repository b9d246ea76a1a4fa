"""What the web server raises."""


class WebError(Exception):
    """The web server cannot start; the sentence names the setting and the remedy."""


class PortInUseError(WebError):
    """Another program, or an agent that runs already, has the port."""
