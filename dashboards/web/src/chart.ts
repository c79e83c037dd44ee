// <b-chart src="/g/….json"> takes the place of the drawing inside it: the same graph, with a cursor, and with new points as they come.
import uPlot from "uplot";
import { clock, format, type Unit } from "./format";
import { annotate, colours, lineOf } from "./paint";

/** A graph as the server describes it. Times are seconds since 1970; null is a gap. */
export interface Graph {
  title: string;
  unit: Unit;
  from: number;
  to: number;
  step: number;
  offset: number;
  series: { name: string; style: "data" | "lastweek" | "capacity" }[];
  times: number[];
  values: (number | null)[][];
  ticks: number[];
  bands: { from: number; to: number; label: string }[];
  marks: { at: number; label: string }[];
}

const leastRefresh = 10_000; // ms
const day = 86_400;

/** The custom element. It waits until it is seen, and rests while it is not. */
export class Chart extends HTMLElement {
  private plot: uPlot | undefined;
  private graph: Graph | undefined;
  private box: HTMLDivElement | undefined;
  private reading: HTMLParagraphElement | undefined;
  private seen = false;
  private timer = 0;
  private readonly watch = new IntersectionObserver((entries) => this.sight(entries.some((e) => e.isIntersecting)), { rootMargin: "200px" });
  private readonly size = new ResizeObserver(() => this.fit());
  private readonly theme = matchMedia("(prefers-color-scheme: dark)");
  private readonly repaint = (): void => this.draw();

  connectedCallback(): void {
    this.watch.observe(this);
    this.theme.addEventListener("change", this.repaint);
  }

  disconnectedCallback(): void {
    this.watch.disconnect();
    this.size.disconnect();
    this.theme.removeEventListener("change", this.repaint);
    clearTimeout(this.timer);
    this.plot?.destroy();
  }

  /** Asks for the graph anew and draws it. A graph that cannot be had leaves the last drawing where it is. */
  async refresh(): Promise<void> {
    clearTimeout(this.timer);
    const source = this.getAttribute("src");
    if (!source || !this.seen || document.hidden) {
      this.plan();
      return;
    }
    const answer = await fetch(source, { signal: AbortSignal.timeout(15_000) }).catch(() => null);
    if (answer?.ok && this.isConnected) this.show((await answer.json()) as Graph);
    this.plan();
  }

  private plan(): void {
    if (!this.isConnected || new URL(this.getAttribute("src") ?? "", location.href).searchParams.has("at")) return;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.refresh(), Math.max(leastRefresh, (this.graph?.step ?? 0) * 1000));
  }

  private sight(seen: boolean): void {
    const first = seen && !this.seen && !this.plot;
    this.seen = seen;
    if (first) void this.refresh();
  }

  private show(graph: Graph): void {
    const same = this.graph && this.plot && JSON.stringify(this.graph.series) === JSON.stringify(graph.series);
    this.graph = graph;
    const says = this.closest("figure")?.querySelector(".says");
    if (says && says.textContent !== graph.title) says.textContent = graph.title;
    this.box?.setAttribute("aria-label", graph.title);
    if (!same) {
      this.draw();
      return;
    }
    this.plot?.setData(columns(graph), false);
    this.plot?.setScale("x", { min: graph.from, max: graph.to });
  }

  private draw(): void {
    const graph = this.graph;
    if (!graph || graph.series.length === 0 || graph.values.every((row) => row.every((v) => v === null))) return;
    const height = this.plot?.height ?? this.querySelector("svg")?.getBoundingClientRect().height ?? 200;
    const width = this.clientWidth;
    this.plot?.destroy();
    if (!this.box) this.build(height);
    const box = this.box;
    if (!box) return;
    this.plot = new uPlot(options(() => this.graph ?? graph, width, height, (at) => this.read(at)), columns(graph), box);
    this.size.observe(this);
  }

  /** Replaces the drawing by a box of the same height, so that nothing on the page moves. */
  private build(height: number): void {
    this.box = document.createElement("div");
    this.box.className = "chart-box";
    this.box.style.height = `${height}px`;
    this.box.tabIndex = 0;
    this.box.setAttribute("role", "application");
    this.box.setAttribute("aria-roledescription", "graph");
    this.box.setAttribute("aria-label", this.graph?.title ?? "");
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.reading = document.createElement("p");
    this.reading.className = "chart-read";
    this.reading.setAttribute("aria-live", "polite");
    this.replaceChildren(this.box, this.reading);
  }

  private fit(): void {
    if (this.plot && this.clientWidth > 0 && this.clientWidth !== this.plot.width) this.plot.setSize({ width: this.clientWidth, height: this.plot.height });
  }

  private key(event: KeyboardEvent): void {
    const graph = this.graph;
    const plot = this.plot;
    if (!graph || !plot) return;
    const last = graph.times.length - 1;
    const now = plot.cursor.idx ?? last;
    const by = event.shiftKey ? 10 : 1;
    const next = { ArrowLeft: now - by, ArrowRight: now + by, Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const at = Math.min(Math.max(next, 0), last);
    plot.setCursor({ left: plot.valToPos(graph.times[at] ?? 0, "x"), top: 0 });
    this.read(at);
  }

  /** Says what stands under the cursor: "14:30 in use 517, last week 480". */
  private read(at: number | null): void {
    const graph = this.graph;
    if (!graph || !this.reading) return;
    if (at === null) {
      this.reading.textContent = "";
      return;
    }
    const values = graph.series.map((s, i) => {
      const v = graph.values[i]?.[at];
      return `${s.name} ${v === null || v === undefined ? "no data" : format(graph.unit, v)}`;
    });
    this.reading.textContent = `${clock(graph.times[at] ?? 0, graph.offset, graph.to - graph.from > day)} ${values.join(", ")}`;
  }
}

function columns(graph: Graph): uPlot.AlignedData {
  return [graph.times, ...graph.values];
}

/** graph is a function: the hooks must see the newest one. */
function options(graph: () => Graph, width: number, height: number, read: (at: number | null) => void): uPlot.Options {
  const c = colours();
  const { unit, offset, from, to } = graph();
  const axis = { stroke: c.muted, font: `12px ${c.font}`, grid: { stroke: c.hair, width: 1 }, ticks: { stroke: c.muted, width: 1, size: 4 } };
  return {
    width,
    height,
    padding: [18, labelRoom(graph()), 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    tzDate: (at) => uPlot.tzDate(new Date((at + offset) * 1000), "UTC"),
    scales: { x: { min: from, max: to }, y: { range: () => [graph().ticks[0] ?? 0, graph().ticks.at(-1) ?? 1] } },
    axes: [
      { ...axis, size: 44, space: 58, values: [[day, "{D} {MMM}", null, null, null, null, null, null, 1], [60, "{HH}:{mm}", "\n{WWW} {D} {MMM}", null, "\n{WWW} {D} {MMM}", null, null, null, 1], [1, "{HH}:{mm}:{ss}", "\n{WWW} {D} {MMM}", null, "\n{WWW} {D} {MMM}", null, null, null, 1]], grid: { show: false } },
      { ...axis, size: axisRoom, values: (_, ticks) => ticks.map((v) => format(unit, v)), splits: () => graph().ticks, ticks: { show: false } },
    ],
    series: [{}, ...graph().series.map((s, i) => lineOf(s.style, graph().series.slice(0, i).every((o) => o.style !== "data"), unit, c))],
    hooks: { draw: [(u) => annotate(u, graph(), c)], setCursor: [(u) => read(u.cursor.left !== undefined && u.cursor.left >= 0 ? (u.cursor.idx ?? null) : null)] },
  };
}

function axisRoom(_: uPlot, values: string[] | null): number {
  return 14 + 6.8 * Math.max(3, ...(values ?? []).map((v) => v.length));
}

function labelRoom(graph: Graph): number {
  return 18 + 6.8 * Math.min(18, Math.max(0, ...graph.series.map((s) => s.name.length)));
}
