"""How the page of a check looks; light and dark, nothing fetched."""

CSS = """
:root { --ink: #1b1f24; --dim: #5a6472; --paper: #ffffff; --soft: #f2f4f7; --line: #d9dee5;
        --good: #1a7f4b; --poor: #b3261e; --mark: #2f6fb0; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ee; --dim: #9aa5b4; --paper: #14171b; --soft: #1d2229; --line: #323a45;
          --good: #5fcf96; --poor: #ff8a80; --mark: #79b4ef; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.5rem 4rem; background: var(--paper);
       color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; }
p { margin: .3rem 0; } .dim { color: var(--dim); }
.verdict { border-left: .4rem solid; padding: .6rem 1rem; margin: 1rem 0; background: var(--soft); }
.verdict.good { border-color: var(--good); } .verdict.poor { border-color: var(--poor); }
.verdict strong { font-size: 1.1rem; } .good strong, td.good { color: var(--good); }
.poor strong, td.poor { color: var(--poor); }
.tiles { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1rem 0; }
.tile { background: var(--soft); padding: .6rem 1rem; min-width: 8.5rem; }
.tile b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th { text-align: left; font-weight: 600; color: var(--dim); border-bottom: 1px solid var(--line); }
th, td { padding: .35rem .8rem .35rem 0; vertical-align: top; }
td { border-bottom: 1px solid var(--line); }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
code { font: .85em ui-monospace, monospace; white-space: nowrap; }
code.long { white-space: normal; overflow-wrap: anywhere; }
svg { display: block; } .bar { fill: var(--mark); } .bar.poor { fill: var(--poor); }
.bar.good { fill: var(--good); } .bar.rest { fill: var(--line); }
details { margin: .6rem 0; } summary { cursor: pointer; color: var(--mark); }
"""
