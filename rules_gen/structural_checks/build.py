"""Pages on what promtool finds when it plays the scenarios."""

from __future__ import annotations

PAGES = {
    "equivalent-mutant": """\
A mutant that is marked equivalent must be one that no scenario can tell from its original.

`rules-gen mutate` makes small mistakes in a rule and plays the scenarios against each. `equivalent_mutants:` names
those that mean the same as the original, with the reason. The marked ones are played like all others.

## Why

A mark takes a mutant out of the score. One that is wrong hides a mistake that the scenarios find today, and may not
find tomorrow. One whose mutant is gone, because the rule has changed, says nothing any more.

## Wrong

```yaml
expr: up{job="checkout"}
threshold: equals 0
equivalent_mutants:
  - mutant: "comparison: == to !="
    reason: It makes no difference.
```

## Right

```yaml
expr: rate(jobs_failed_total{job="checkout"}[5m])
threshold: above 0.1
equivalent_mutants:
  - mutant: "comparison: > to >="
    reason: A rate is a quotient of measured times, so it is never exactly at the limit.
```

## How to mend it

Remove the mark that the message names, or correct the mutant's name: copy it from what `rules-gen mutate ALERT` prints
between backticks. A survivor that does mean something else needs a scenario instead; `mutate` proposes one.
""",
    "stale-output": """\
What is committed must be what the definitions compile to.

`rules-gen check` compiles everything without writing, and compares.

## Why

Prometheus loads the generated rule, not the definition. A definition that was changed without `make rules` is a
change that reviewers see and production never gets.

## Wrong

```console
$ git commit alerts/payments/checkout.yaml
```

## Right

```console
$ make rules
$ git add alerts rules runbooks dashboards
$ git commit
```

## How to mend it

Run `make rules`, look at the difference, and commit it. When nobody has changed a definition, somebody has edited an
output by hand: make the change in the definition instead.
""",
    "template-error": """\
A template must expand without an error when its alert fires.

Every firing scenario expands the alert's annotations and labels, as Prometheus would. What comes out is
committed, and read here.

## Why

Prometheus doesn't refuse such a template. It puts `<error expanding template ...>` where the text should be,
and that is what on-call is sent.

## Wrong

```yaml
summary: 'The limit is {{ query "missing_metric" | first | value }}'
```

## Right

```yaml
summary: 'The limit is {{ with query "missing_metric" }}{{ . | first | value }}{{ else }}unknown{{ end }}'
```

## How to mend it

The message repeats Go's reason. The usual ones are `first` on a query without a result, and a function that
is given text where it wants a number.
""",
    "promtool": """\
promtool must be there, and must accept what was generated.

`promtool` of Prometheus 2.42 or newer checks every rule file and plays every scenario.

## Why

It is the judge that speaks for Prometheus: what it refuses, Prometheus refuses on its next reload, with all
the rules in the file.

## Wrong

```text
$ rules-gen
promtool isn't on PATH
```

## Right

```text
$ make rules
```

## How to mend it

Install promtool (it comes with Prometheus; `make test` fetches it where the system has none) and see that it
is on `PATH`. A refusal that no other diagnostic explains is a mistake of this tool: please report it with the
definition.
""",
}
