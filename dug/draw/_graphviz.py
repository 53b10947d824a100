"""Asks the program ``dot``, through the package graphviz: `pipe`."""

try:
    import graphviz
except ImportError as exc:
    raise ImportError('svg, png and html need graphviz. Type: pip install "dug[draw]"') from exc


def pipe(source: str, kind: str) -> bytes:
    """Returns the picture that ``dot`` makes of DOT text.

    Raises:
        RuntimeError: the program is not on this machine, or failed; the message says which.
    """
    try:
        drawn: bytes = graphviz.Source(source).pipe(format=kind)
        return drawn
    except graphviz.ExecutableNotFound as exc:
        raise RuntimeError(
            "svg, png and html need the program dot of Graphviz, which is not on the PATH. "
            "Type: apt-get install graphviz (or brew, choco, conda: https://graphviz.org/download)."
        ) from exc
    except graphviz.CalledProcessError as exc:
        said = exc.stderr.decode(errors="replace") if isinstance(exc.stderr, bytes) else str(exc.stderr)
        raise RuntimeError(f"dot could not draw the graph: {said.strip()[:400]}. Draw fewer boxes: limit=50.") from exc
