// How values and times are written: the same words as the server's.

export type Unit = "" | "percent" | "bytes" | "bytes_per_second" | "seconds" | "per_second" | "state";

const states = ["unknown", "ok", "warning", "critical"];

/** Writes a value as a person reads it: "37 %", "3.1 GiB", "12 ms". */
export function format(unit: Unit, v: number): string {
  switch (unit) {
    case "percent":
      return `${digits(v)} %`;
    case "bytes":
      return scaled(v, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]);
    case "bytes_per_second":
      return scaled(v, 1024, ["B/s", "KiB/s", "MiB/s", "GiB/s", "TiB/s"]);
    case "seconds":
      return seconds(v);
    case "per_second":
      return `${count(v)}/s`;
    case "state":
      return states[Math.round(v)] ?? count(v);
    case "":
      return count(v);
  }
}

function digits(v: number): string {
  const a = Math.abs(v);
  const places = a >= 99.5 || a === 0 ? 0 : a >= 9.95 ? 1 : 2;
  return String(Number(v.toFixed(places)));
}

function scaled(v: number, base: number, names: string[]): string {
  let i = 0;
  while (Math.abs(v) >= base && i < names.length - 1) {
    v /= base;
    i++;
  }
  return `${digits(i === 0 ? Math.round(v) : v)} ${names[i]}`.trim();
}

function count(v: number): string {
  const a = Math.abs(v);
  if (a >= 1e-6 && a < 0.01) return String(Number(v.toPrecision(3)));
  return a < 10000 ? digits(v) : scaled(v, 1000, ["", "k", "M", "G", "T", "P"]);
}

function seconds(v: number): string {
  const a = Math.abs(v);
  if (a === 0) return "0 s";
  if (a < 1e-3) return `${digits(v * 1e6)} µs`;
  if (a < 1) return `${digits(v * 1e3)} ms`;
  if (a < 120) return `${digits(v)} s`;
  if (a < 7200) return `${digits(v / 60)} min`;
  if (a < 48 * 3600) return `${digits(v / 3600)} h`;
  return `${digits(v / 86400)} d`;
}

/** Writes a length of time in seconds as two units at most: "38 s", "4 min", "2 h 5 min". */
export function length(s: number): string {
  if (s < 10) return "a moment";
  if (s < 60) return `${Math.floor(s)} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return pair(hours, "h", minutes % 60, "min");
  return pair(Math.floor(hours / 24), "d", hours % 24, "h");
}

function pair(a: number, unit: string, b: number, smaller: string): string {
  return b === 0 ? `${a} ${unit}` : `${a} ${unit} ${b} ${smaller}`;
}

/** Writes an instant on the site's 24 hour clock; offset is how far that clock is ahead of UTC, in seconds. */
export function clock(at: number, offset: number, withDate: boolean): string {
  const text = new Date((at + offset) * 1000).toUTCString(); // "Sat, 21 Nov 2026 14:30:00 GMT"
  const time = text.slice(17, 22);
  return withDate ? `${text.slice(0, 3)} ${Number(text.slice(5, 7))} ${text.slice(8, 11)} ${time}` : time;
}
