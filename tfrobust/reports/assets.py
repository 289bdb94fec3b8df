"""How a report looks, and the little that it does by itself.

Colours follow the reader's light or dark scheme; nothing is fetched.
"""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff;
  --faint: #5b6570; --line: #d5dae0; --band: #f3f5f7; --link: #0059a8;
  --good: #00684a; --doubt: #7a5200; --bad: #a52a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec;
  --paper: #14171a; --faint: #a0a9b3; --line: #3a4149; --band: #1d2226;
  --link: #7fbaf0; --good: #5fd0a5; --doubt: #e9b44c; --bad: #ff9a73; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1rem; color: var(--ink);
  background: var(--paper); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0.5rem 0; }
h2 { font-size: 1.25rem; margin: 2rem 0 0.5rem;
  border-bottom: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.25rem 0 0.25rem; overflow-wrap: anywhere; }
a { color: var(--link); }
nav { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; }
h1, h2, nav, summary, p, figcaption, li { overflow-wrap: anywhere; }
figcaption, .faint { color: var(--faint); font-size: 0.9rem; }
figure { margin: 1rem 0; }
figure img { max-width: 100%; height: auto; background: #ffffff; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums;
  font-size: 0.95rem; }
caption { text-align: left; color: var(--faint); padding: 0.25rem 0; }
th, td { padding: 0.3rem 0.7rem; text-align: right;
  border-bottom: 1px solid var(--line); }
th { background: var(--band); vertical-align: bottom; }
th:first-child, td:first-child, td.text, th.text { text-align: left;
  overflow-wrap: anywhere; min-width: 8rem; }
th button { all: unset; cursor: pointer; font-weight: 600; }
th button:focus-visible { outline: 2px solid var(--link); }
th[aria-sort=ascending] button::after { content: " \\2191"; }
th[aria-sort=descending] button::after { content: " \\2193"; }
.ok { color: var(--good); } .suspicious { color: var(--doubt); }
.failed { color: var(--bad); font-weight: 600; }
.absent { border-left: 4px solid var(--doubt); padding: 0.25rem 0.75rem;
  background: var(--band); }
.plot { width: 100%; height: 26rem; overflow: hidden; }
summary { cursor: pointer; }
@media print { nav { display: none; } body { max-width: none; }
  h2, h3 { break-after: avoid; } figure, tr { break-inside: avoid; }
  .wide { overflow: visible; } a { color: inherit; } }
"""

# Sorting by a heading: numbers by size, "-" last, the rest by letters.
SCRIPT = """
function cellKey(row, column) {
  const text = row.cells[column].textContent.trim();
  const number = parseFloat(text);
  return { text, number: Number.isNaN(number) ? null : number };
}
function compareCells(a, b) {
  if (a.number !== null && b.number !== null) return a.number - b.number;
  if (a.number !== null || b.number !== null) return a.number === null ? 1 : -1;
  return a.text.localeCompare(b.text);
}
document.querySelectorAll("table.sortable th button").forEach((button) => {
  button.addEventListener("click", () => {
    const head = button.closest("th"), table = button.closest("table");
    const falling = head.getAttribute("aria-sort") === "ascending";
    table.querySelectorAll("th").forEach((h) => h.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const body = table.tBodies[0], rows = [...body.rows];
    rows.sort((a, b) => compareCells(
      cellKey(a, head.cellIndex), cellKey(b, head.cellIndex)));
    if (falling) rows.reverse();
    body.append(...rows);
  });
});
function paintPlots() {
  const ink = getComputedStyle(document.body).color;
  const line = getComputedStyle(document.documentElement)
    .getPropertyValue("--line").trim();
  document.querySelectorAll(".js-plotly-plot").forEach((plot) =>
    Plotly.relayout(plot, { "font.color": ink, "xaxis.gridcolor": line,
      "yaxis.gridcolor": line, "xaxis.zerolinecolor": line,
      "yaxis.zerolinecolor": line }));
}
if (window.Plotly) {
  paintPlots();
  matchMedia("(prefers-color-scheme: dark)")
    .addEventListener("change", paintPlots);
}
window.addEventListener("beforeprint", () => document
  .querySelectorAll("details").forEach((d) => { d.open = true; }));
"""
