"""Makes a tree of a template's tokens, by the rules of Go's parser."""

from __future__ import annotations

from collections.abc import Collection

from pacs_monitor.alerting.gotemplate import constants, lex
from pacs_monitor.alerting.gotemplate.errors import TemplateRefused
from pacs_monitor.alerting.gotemplate.lex import Token, tokens
from pacs_monitor.alerting.gotemplate.nodes import (
    Action,
    Branch,
    Chain,
    Command,
    Constant,
    Dot,
    Field,
    Literal,
    Nil,
    Node,
    Pipe,
    Statement,
    Variable,
    Word,
)

_BRANCHES = ("if", "with", "range")
_NOT_HERE = {
    "define": "write the text where it is needed",
    "template": "write the text where it is needed",
    "block": "write the text where it is needed",
    "break": "use {{ if }} around what is to be left out",
    "continue": "use {{ if }} around what is to be left out",
}
_LITERALS = {"true": True, "false": False}
_MAX_DEPTH = 50


def parse(template: str, variables: Collection[str]) -> list[Statement]:
    """The statements of a template that may use these variables. Raises TemplateRefused."""
    return _Parser(template, variables).all()


class _Parser:
    def __init__(self, template: str, variables: Collection[str]) -> None:
        self._tokens = list(tokens(template))
        self._place = 0
        self._known = ["$", *variables]
        self._depth = 0

    def all(self) -> list[Statement]:
        body, ended_by = self._body()
        if ended_by.kind != lex.END:
            raise TemplateRefused(f"has {{{{ {ended_by.text} }}}} that nothing opened; remove it", ended_by.at)
        return body

    def _body(self) -> tuple[list[Statement], Token]:
        """Statements up to `end`, `else` or the template's end, and that word."""
        body: list[Statement] = []
        while True:
            token = self._next()
            if token.kind == lex.END:
                return body, token
            if token.kind == lex.TEXT:
                body.append(Literal(token.text))
                continue
            word = self._peek()
            if word.text in ("end", "else"):
                self._next()
                return body, word
            body.append(self._statement(word, token))

    def _statement(self, word: Token, opening: Token) -> Statement:
        if word.kind == lex.WORD and word.text in _BRANCHES:
            self._next()
            return self._branch(word, opening)
        if word.kind == lex.WORD and word.text in _NOT_HERE:
            raise TemplateRefused(f"uses {word.text}, which is not supported here; {_NOT_HERE[word.text]}", word.at)
        return Action(word.at, self._pipe(lex.CLOSE))

    def _branch(self, word: Token, opening: Token) -> Branch:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise TemplateRefused(f"is nested more than {_MAX_DEPTH} deep; make it simpler", word.at)
        known = len(self._known)
        pipe = self._pipe(lex.CLOSE, in_range=word.text == "range")
        body, ended_by = self._body()
        otherwise: list[Statement] = []
        if ended_by.text == "else":
            otherwise, ended_by = self._else(word, opening)
        elif ended_by.kind != lex.END:
            self._close(ended_by)
        if ended_by.kind == lex.END:
            raise TemplateRefused(f"has {{{{ {word.text} }}}} without its end; add {{{{ end }}}}", opening.at)
        del self._known[known:]
        self._depth -= 1
        return Branch(word.at, word.text, pipe, body, otherwise)

    def _else(self, word: Token, opening: Token) -> tuple[list[Statement], Token]:
        following = self._peek()
        if following.kind == lex.WORD and following.text == "if" and word.text == "if":
            self._next()
            # Its `end` is the end of all.
            return [self._branch(following, opening)], following
        if following.kind != lex.CLOSE:
            raise TemplateRefused("has {{ else }} with more in it; write {{ else }} or {{ else if ... }}", following.at)
        self._next()
        otherwise, ended_by = self._body()
        if ended_by.text == "else" and ended_by.kind == lex.WORD:
            raise TemplateRefused("has a second {{ else }}; remove it", ended_by.at)
        if ended_by.kind != lex.END:
            self._close(ended_by)
        return otherwise, ended_by

    def _close(self, word: Token) -> None:
        token = self._peek()
        if token.kind != lex.CLOSE:
            raise TemplateRefused(f"has {{{{ {word.text} }}}} with more in it; write {{{{ {word.text} }}}}", token.at)
        self._next()

    def _pipe(self, end: str, in_range: bool = False) -> Pipe:
        start = self._peek()
        pipe = Pipe(start.at)
        self._take_variables(pipe, in_range)
        while True:
            token = self._peek()
            if token.kind == end or (end == ")" and token.text == ")"):
                self._next()
                self._check_pipe(pipe, token)
                if not pipe.assigns:
                    self._known.extend(pipe.variables)
                return pipe
            pipe.commands.append(self._command())

    def _take_variables(self, pipe: Pipe, in_range: bool) -> None:
        names: list[str] = []
        place = self._place
        while self._peek().kind == lex.VARIABLE and len(names) < (2 if in_range else 1):
            names.append(self._next_word().text)
            sign = self._peek()
            if sign.text in (":=", "="):
                self._next_word()
                self._declare(pipe, names, sign)
                return
            if sign.text != ",":
                break
            self._next_word()
        self._place = place

    def _declare(self, pipe: Pipe, names: list[str], sign: Token) -> None:
        pipe.variables, pipe.assigns = names, sign.text == "="
        if pipe.assigns:
            for name in names:
                self._check_known(name, sign.at)

    def _check_pipe(self, pipe: Pipe, end: Token) -> None:
        if not pipe.commands:
            raise TemplateRefused(
                "has braces with nothing in them; remove them, or write for example {{ $value }}", end.at
            )
        for command in pipe.commands[1:]:
            if isinstance(command.words[0], Constant | Dot | Nil):
                raise TemplateRefused(
                    f"pipes into {command.words[0]}, which is no function; write a function", command.at
                )

    def _command(self) -> Command:
        command = Command(self._peek().at)
        while True:
            command.words.append(self._operand())
            token = self._tokens[self._place]
            if token.kind == lex.SPACE:
                following = self._peek()
                if following.kind != lex.CLOSE and following.text not in (")", "|"):
                    continue
                token = following
            if token.text == "|":
                # As in Go, nothing need stand behind the last one.
                self._next_word()
            elif token.kind != lex.CLOSE and token.text != ")":
                raise TemplateRefused(f"has no space before {token.text!r}; put one there", token.at)
            return command

    def _operand(self) -> Node:
        node = self._term()
        if self._tokens[self._place].kind != lex.FIELD:
            return node
        at = self._tokens[self._place].at
        names = []
        while self._tokens[self._place].kind == lex.FIELD:
            names.append(self._tokens[self._place].text[1:])
            self._place += 1
        # Go gives the place of the first field behind the name.
        if isinstance(node, Field):
            return Field(at, node.names + names)
        if isinstance(node, Variable):
            return Variable(at, node.name, names)
        if isinstance(node, Pipe | Word):
            return Chain(at, node, names)
        raise TemplateRefused(f"asks for a field of {node}, which has none; remove .{names[0]}", at)

    def _term(self) -> Node:
        token = self._next_word()
        if token.text == "(" and token.kind == lex.SIGN:
            return self._parenthesised(token)
        if token.kind == lex.VARIABLE:
            self._check_known(token.text, token.at)
            return Variable(token.at, token.text, [])
        if token.kind == lex.FIELD:
            return Field(token.at, [token.text[1:]])
        if token.kind == lex.WORD:
            return _word(token)
        if token.kind == lex.NUMBER:
            return Constant(token.at, constants.number(token.text, token.at), token.text)
        if token.kind == lex.STRING:
            return Constant(token.at, constants.string(token.text, token.at), token.text)
        if token.kind == lex.CHAR:
            raise TemplateRefused(f"{token.text} is a number in Go; write the text in double quotes", token.at)
        if token.text == "." and token.kind == lex.SIGN:
            return Dot(token.at)
        if token.text == "=":
            raise TemplateRefused(
                "has '=' where a value belongs; compare with eq, as in {{ if eq $labels.a \"b\" }}", token.at
            )
        if token.text == ":=":
            raise TemplateRefused("has := where it can set nothing; write {{ $name := value }}", token.at)
        raise TemplateRefused(f"has {token.text!r} where a value belongs; check this place", token.at)

    def _parenthesised(self, token: Token) -> Pipe:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise TemplateRefused(f"is nested more than {_MAX_DEPTH} deep; make it simpler", token.at)
        pipe = self._pipe(")")
        self._depth -= 1
        return pipe

    def _check_known(self, name: str, at: int) -> None:
        if name not in self._known:
            known = ", ".join(self._known[1:])
            raise TemplateRefused(f"uses {name}, which is not set; there is {known}", at)

    def _peek(self) -> Token:
        """The next token that is no space, which stays."""
        place = self._place
        while self._tokens[place].kind == lex.SPACE:
            place += 1
        return self._tokens[place]

    def _next_word(self) -> Token:
        """The next token that is no space."""
        while self._tokens[self._place].kind == lex.SPACE:
            self._place += 1
        return self._next()

    def _next(self) -> Token:
        while self._tokens[self._place].kind == lex.SPACE:
            self._place += 1
        token = self._tokens[self._place]
        self._place += 1
        return token


def _word(token: Token) -> Node:
    if token.text in _LITERALS:
        return Constant(token.at, _LITERALS[token.text], token.text)
    if token.text == "nil":
        return Nil(token.at)
    return Word(token.at, token.text)
