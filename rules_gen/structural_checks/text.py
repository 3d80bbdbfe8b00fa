"""Pages on files and their YAML."""

from __future__ import annotations

PAGES = {
    "yaml-syntax": """\
A definition file must be YAML, one document with a mapping at its root.

YAML 1.2 is read, so `on`, `no` and `yes` are texts. Where one mistake doesn't hide the next, all are reported
at once.

## Why

What a YAML parser makes of a slip is often valid and wrong: half a file's alerts can vanish into one text.
Nothing is guessed here, and nothing is compiled until the file is readable.

## Wrong

```yaml
summary: {{ $labels.job }} fails
description: Checkout: it fails
```

## Right

```yaml
summary: "{{ $labels.job }} fails"
description: "Checkout: it fails"
```

## How to mend it

- Quote a value that begins with `{`, `[`, `*`, `&`, `!`, `%`, `@` or a backtick, or that holds a colon and a
  blank.
- Indent with spaces. A tab is never indentation in YAML.
- Put long texts and expressions into a block: `expr: |`, with the text indented on the next lines.
""",
    "yaml-aliases": """\
Anchors and aliases must not expand to more than a definition can need.

An anchor (`&name`) can be repeated by an alias (`*name`), also inside other anchors.

## Why

Ten lines of aliases that repeat aliases stand for a billion values. Whoever can open a pull request could
stop the machine that builds it. The limit is far above what any honest file reaches.

## Wrong

```yaml
a: &a [x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]
```

## Right

```yaml
use:
  - template: http-service
    with: {job: checkout-api}
```

## How to mend it

Share alerts by a template, runbook sections by a shared runbook. Both say where they come from in every
diagnostic.
""",
    "duplicate-key": """\
A key can stand only once in a mapping.

## Why

Most YAML readers take the last of two equal keys without a word. Two `for:` in one alert, forty lines apart,
are one `for:` in Prometheus, and the reviewer has looked at the other.

## Wrong

```yaml
- alert: CheckoutDown
  for: 5m
  expr: up == 0
  for: 1h
```

## Right

```yaml
- alert: CheckoutDown
  expr: up == 0
  for: 5m
```

## How to mend it

Keep one of the two. The diagnostic shows both places.
""",
    "encoding": """\
A definition file must be UTF-8 text without control characters.

## Why

A byte in another encoding becomes a question mark in the page that on-call reads, or stops Prometheus from
loading the rules. A control character can hide text from a reviewer or rewrite a terminal's lines.

## Wrong

```text
summary: Caf<0xE9> can't be reached
```

## Right

```yaml
summary: Café can't be reached
```

## How to mend it

Save the file as UTF-8 and remove the character under the caret; it often comes from a copy out of a terminal
or a PDF.
""",
    "threshold-unquoted": """\
A threshold that begins with an operator must be quoted, or written in words.

## Why

For YAML an unquoted `>` begins a block of text and `!` a tag. `threshold: >5` is a valid empty text,
`threshold: > 5%` and `threshold: != 0` are syntax errors far from where they were made. Words have no such
traps.

## Wrong

```yaml
threshold: > 5%
```

## Right

```yaml
threshold: above 5%
```

## How to mend it

Write `above`, `at least`, `below`, `at most`, `equals` or `not`. A quoted operator (`"> 5%"`) is accepted
too.
""",
    "source-files": """\
The folder alerts/ holds definition files and nothing that only looks like one.

Definitions are regular files of at most 4 MiB whose names end with `.yaml`. Other files are a warning, since
somebody may believe that they count.

## Why

`checkout.yml` beside a hundred `.yaml` files would be an alert that nobody has, with a green build. A
symbolic link could take in a file from outside of the repository that no reviewer has seen.

## Wrong

```text
alerts/payments/checkout.yml
alerts/payments/ledger.yaml -> /srv/shared/ledger.yaml
```

## Right

```text
alerts/payments/checkout.yaml
alerts/payments/ledger.yaml
```

## How to mend it

Rename the file, put the file itself where the link is, or split a very large service into a folder with
`service.yaml` and one file per alert. `rules-gen init` writes a folder to start from.
""",
    "layout": """\
A definition lies where its team and its service say.

A service is `alerts/<team>/<service>.yaml`, or a folder `alerts/<team>/<service>/` with `service.yaml` and
one file per alert. Templates are in `alerts/_templates/`, shared runbooks in `alerts/_runbooks/`.

## Why

Paths decide who reviews: a CODEOWNERS line for `alerts/payments/` is worth nothing when a file in another
folder can page the payments team. They also name the generated files, so two services in one place would
overwrite each other.

## Wrong

```yaml
# alerts/payments/checkout.yaml
service: checkout
team: growth
```

## Right

```yaml
# alerts/growth/checkout.yaml
service: checkout
team: growth
```

## How to mend it

Move the file or change what it says: folder and `team`, file name and `service` must agree.
""",
}
