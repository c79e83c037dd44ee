// What uPlot does not draw by itself: bands, marks, and the names of lines at their ends. Colours come from the style sheet.
import uPlot from "uplot";
import type { Graph } from "./chart";
import type { Unit } from "./format";

/** The colours of the page's current theme. */
export interface Colours {
  ink: string;
  muted: string;
  hair: string;
  data: string;
  warn: string;
  crit: string;
  heal: string;
  font: string;
}

/** Reads the colours: a probe is needed, since a property holding light-dark() has no computed value of its own. */
export function colours(): Colours {
  const probe = document.createElement("span");
  document.body.append(probe);
  const read = (name: string): string => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const all = { ink: read("ink"), muted: read("muted"), hair: read("hair"), data: read("data"), warn: read("warn"), crit: read("crit"), heal: read("heal"), font: getComputedStyle(document.body).fontFamily };
  probe.remove();
  return all;
}

/** Makes a colour of the form rgb(…) lighter than it is. */
function faint(colour: string, part: number): string {
  return colour.replace("rgb(", "rgba(").replace(")", `, ${part})`);
}

/** A value between two gaps is no line; only these are drawn as dots. */
function lonely(u: uPlot, line: number): number[] {
  const row = Array.from<number | null | undefined>(u.data[line] ?? []);
  return row.flatMap((v, i) => ((v ?? null) !== null && (row[i - 1] ?? null) === null && (row[i + 1] ?? null) === null ? [i] : []));
}

/** How a line of a style looks; first is the first measured line, which is filled. */
export function lineOf(style: string, first: boolean, unit: Unit, c: Colours): uPlot.Series {
  const base = (stroke: string): uPlot.Series => ({ stroke, points: { show: true, size: 4, width: 0, fill: stroke, filter: lonely }, spanGaps: false });
  if (style === "capacity") return { ...base(c.warn), width: 1.5, spanGaps: true };
  if (style === "lastweek") return { ...base(c.muted), width: 1.25, dash: [4, 4] };
  if (!first) return { ...base(faint(c.data, 0.75)), width: 1.25 };
  return unit === "state" ? { ...base(c.data), width: 1.75 } : { ...base(c.data), width: 1.75, fill: faint(c.data, 0.12) };
}

/** Draws bands, marks and names over the lines. Canvas pixels: everything is scaled by the screen's density. */
export function annotate(u: uPlot, graph: Graph, c: Colours): void {
  const { ctx, bbox } = u;
  const px = devicePixelRatio;
  ctx.save();
  ctx.textAlign = "left";
  ctx.textBaseline = "alphabetic";
  ctx.font = `${12 * px}px ${c.font}`;
  for (const band of graph.bands) paintBand(u, band, c, px);
  ctx.fillStyle = c.heal;
  for (const mark of graph.marks) {
    if (mark.at < graph.from || mark.at > graph.to) continue;
    const x = u.valToPos(mark.at, "x", true);
    ctx.fillRect(x - 1.25 * px, bbox.top + bbox.height - 10 * px, 2.5 * px, 14 * px);
  }
  paintNames(u, graph, c, px);
  ctx.restore();
}

function paintBand(u: uPlot, band: Graph["bands"][number], c: Colours, px: number): void {
  const { ctx, bbox } = u;
  const left = Math.max(u.valToPos(band.from, "x", true), bbox.left);
  const right = Math.min(u.valToPos(band.to, "x", true), bbox.left + bbox.width);
  if (right < bbox.left || left > bbox.left + bbox.width) return;
  ctx.fillStyle = faint(c.crit, 0.16);
  ctx.fillRect(left, bbox.top, Math.max(right - left, px), bbox.height);
  if (!band.label) return;
  ctx.fillStyle = c.crit;
  const width = ctx.measureText(band.label).width;
  ctx.fillText(band.label, Math.max(bbox.left, Math.min(left, bbox.left + bbox.width - width)), bbox.top - 4 * px);
}

interface Name {
  text: string;
  y: number;
  end: { x: number; y: number };
  colour: string;
}

function paintNames(u: uPlot, graph: Graph, c: Colours, px: number): void {
  const { ctx, bbox } = u;
  const names: Name[] = [];
  graph.series.forEach((s, i) => {
    const row = graph.values[i] ?? [];
    const at = row.findLastIndex((v) => v !== null);
    if (at < 0) return;
    const end = { x: u.valToPos(graph.times[at] ?? 0, "x", true), y: u.valToPos(row[at] ?? 0, "y", true) };
    names.push({ text: s.name.length > 18 ? `${s.name.slice(0, 17)}…` : s.name, y: end.y, end, colour: s.style === "capacity" ? c.warn : s.style === "lastweek" ? c.muted : c.data });
  });
  spread(names, bbox.top + bbox.height, 14 * px);
  for (const name of names) {
    const right = bbox.left + bbox.width;
    if (Math.abs(name.y - name.end.y) > 5 * px) {
      ctx.strokeStyle = c.muted;
      ctx.lineWidth = 0.75 * px;
      ctx.beginPath();
      ctx.moveTo(Math.max(name.end.x, right - 2 * px), name.end.y);
      ctx.lineTo(right + 8 * px, name.y);
      ctx.stroke();
    }
    ctx.fillStyle = name.colour;
    ctx.fillText(name.text, right + 10 * px, name.y + 4 * px);
  }
}

/** Pushes names apart, keeping their order from top to bottom and all of them above the floor. */
function spread(names: Name[], floor: number, line: number): void {
  names.sort((a, b) => a.y - b.y);
  for (let i = 1; i < names.length; i++) {
    const [above, here] = [names[i - 1], names[i]];
    if (above && here) here.y = Math.max(here.y, above.y + line);
  }
  for (const name of names.toReversed()) {
    name.y = Math.min(name.y, floor);
    floor = name.y - line;
  }
}
