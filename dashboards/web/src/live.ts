// Keeps the parts of a page up to date: the server names what changed, and the page asks for the HTML of just those parts.
import { Chart } from "./chart";
import { fillName } from "./small";

/** Listens for changes as long as the page is open. The browser connects again by itself. */
export function follow(): void {
  const mine = new Set((document.body.dataset["live"] ?? "").split(" ").filter(Boolean));
  if (mine.size === 0) return;
  const note = document.getElementById("live-note");
  let lost = false;
  const stream = new EventSource("/live");
  stream.addEventListener("open", () => {
    if (lost) void renew(() => true);
    lost = false;
    say(note, "");
  });
  stream.addEventListener("error", () => {
    lost = true;
    say(note, "Not connected. What you see may be old.");
  });
  stream.addEventListener("change", (event) => {
    const kinds = changedKinds(event.data, mine);
    if (kinds.size > 0) void renew((needs) => needs.some((need) => kinds.has(need)));
  });
  addEventListener("pagehide", () => stream.close());
}

function say(note: HTMLElement | null, text: string): void {
  if (note && note.textContent !== text) note.textContent = text;
}

/** "incident/ID" of this page's incident becomes the kind "incident"; what other pages show is left out. */
function changedKinds(data: string, mine: Set<string>): Set<string> {
  const parts: unknown = JSON.parse(data);
  const kinds = new Set<string>();
  if (!Array.isArray(parts)) return kinds;
  for (const part of parts) {
    if (typeof part === "string" && mine.has(part)) kinds.add(part.split("/")[0] ?? part);
  }
  return kinds;
}

let busy = false;
let again = false;

/** Renews the parts whose needs are wanted, one round at a time; changes during a round start another. */
async function renew(wanted: (needs: string[]) => boolean): Promise<void> {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  try {
    for (const el of document.querySelectorAll<HTMLElement>("[data-needs]")) {
      if (!wanted((el.dataset["needs"] ?? "").split(" "))) continue;
      if (el.dataset["part"]) await replace(el, el.dataset["part"]);
      for (const chart of el.querySelectorAll("b-chart")) if (chart instanceof Chart) void chart.refresh();
    }
  } finally {
    busy = false;
  }
  if (again) {
    again = false;
    await renew(() => true);
  }
}

async function replace(el: HTMLElement, part: string): Promise<void> {
  const address = new URL(location.href);
  address.searchParams.set("part", part);
  const answer = await fetch(address, { signal: AbortSignal.timeout(15_000) }).catch(() => null);
  if (!answer?.ok) return;
  const holder = document.createElement("template");
  holder.innerHTML = (await answer.text()).trim();
  const fresh = holder.content.firstElementChild;
  if (!(fresh instanceof HTMLElement)) return;
  if (sameText(el, fresh)) redraw(el, fresh);
  else carryOver(el, fresh);
}

/** Small graphs move all the time: they are exchanged alone, so that what a person points at or selects stays. */
const drawn = ".small .says, .small svg";

function redraw(old: HTMLElement, fresh: HTMLElement): void {
  const next = [...fresh.querySelectorAll(drawn)];
  old.querySelectorAll(drawn).forEach((el, i) => {
    if (next[i] && next[i].outerHTML !== el.outerHTML) el.replaceWith(next[i]);
  });
}

/** Times that count by themselves and small graphs that go on are no change. */
function sameText(a: HTMLElement, b: HTMLElement): boolean {
  const strip = (el: HTMLElement): string => {
    const copy = el.cloneNode(true) as HTMLElement;
    for (const time of copy.querySelectorAll("[data-ago]")) time.textContent = "";
    for (const el of copy.querySelectorAll(drawn)) el.remove();
    for (const details of copy.querySelectorAll("details")) details.removeAttribute("open");
    for (const row of copy.querySelectorAll("[data-row]")) row.removeAttribute("class");
    return copy.innerHTML;
  };
  return strip(a) === strip(b);
}

/** Puts the fresh part in place of the old one; what the person opened, typed or stands on stays. */
function carryOver(old: HTMLElement, fresh: HTMLElement): void {
  const wasOpen = [...old.querySelectorAll("details")].map((d) => d.open);
  fresh.querySelectorAll("details").forEach((d, i) => {
    const open = wasOpen[i];
    if (open !== undefined) d.open = open;
  });
  const typed = old.querySelector<HTMLInputElement>('input[name="who"]')?.value;
  const field = fresh.querySelector<HTMLInputElement>('input[name="who"]');
  if (field && typed) field.value = typed;
  fillName(fresh);
  const focusables = "a, button, input, summary, pre";
  const at = [...old.querySelectorAll<HTMLElement>(focusables)].indexOf(document.activeElement as HTMLElement);
  old.replaceWith(fresh);
  if (at >= 0) fresh.querySelectorAll<HTMLElement>(focusables)[at]?.focus({ preventScroll: true });
}
