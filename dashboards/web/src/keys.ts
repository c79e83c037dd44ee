// The keyboard of people who live on these pages.

const places: Record<string, string> = { n: "/", i: "/incidents", h: "/hosts", s: "/metrics/" };
const chord = 1500; // ms in which the second key of "g n" must follow

let pressedG = 0;
let filter: HTMLInputElement | undefined;

/** Listens for keys, except where somebody types or a modifier says that the browser is meant. */
export function followKeys(): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target instanceof HTMLInputElement) {
      if (event.key === "Escape") closeFind(event.target);
      return;
    }
    if (act(event.key)) event.preventDefault();
  });
}

function act(key: string): boolean {
  if (Date.now() - pressedG < chord) {
    pressedG = 0;
    const place = places[key];
    if (place) location.assign(place);
    return place !== undefined;
  }
  switch (key) {
    case "g":
      pressedG = Date.now();
      return true;
    case "j":
      return move(1);
    case "k":
      return move(-1);
    case "Enter":
      return open();
    case "t":
      return nextSpan();
    case "/":
      return find();
    default:
      return press(key);
  }
}

function rows(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>("[data-row]")].filter((row) => !row.hidden);
}

function move(by: number): boolean {
  const all = rows();
  const now = all.findIndex((row) => row.classList.contains("at"));
  const next = all[now < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(now + by, 0), all.length - 1)];
  if (!next) return false;
  all[now]?.classList.remove("at");
  next.classList.add("at");
  next.scrollIntoView({ block: "nearest" });
  const link = next.querySelector<HTMLElement>("a");
  link?.focus({ preventScroll: true });
  return true;
}

function open(): boolean {
  const link = document.querySelector<HTMLAnchorElement>("[data-row].at a");
  if (!link || document.activeElement?.matches("a, button, summary")) return false;
  link.click();
  return true;
}

function nextSpan(): boolean {
  const links = [...document.querySelectorAll<HTMLAnchorElement>(".spans a")].filter((a) => new URL(a.href).searchParams.has("span"));
  const now = links.findIndex((a) => a.hasAttribute("aria-current"));
  links[(now + 1) % links.length]?.click();
  return links.length > 0;
}

function press(key: string): boolean {
  const button = [...document.querySelectorAll<HTMLButtonElement>("button[data-key]")].find((b) => b.dataset["key"] === key);
  button?.click();
  return button !== undefined;
}

/** Opens a field that hides the rows that do not hold what is typed. */
function find(): boolean {
  if (!document.querySelector("[data-row]")) return false;
  if (!filter) {
    filter = document.createElement("input");
    filter.type = "search";
    filter.className = "find";
    filter.setAttribute("aria-label", "Find in the rows of this page");
    filter.placeholder = "Find";
    filter.addEventListener("input", () => narrow(filter?.value ?? ""));
    document.querySelector("main")?.prepend(filter);
  }
  filter.focus();
  return true;
}

function narrow(text: string): void {
  const wanted = text.toLowerCase();
  for (const row of document.querySelectorAll<HTMLElement>("[data-row]")) {
    row.hidden = !(row.textContent ?? "").toLowerCase().includes(wanted);
  }
}

function closeFind(field: HTMLInputElement): void {
  if (field !== filter) {
    field.blur();
    return;
  }
  narrow("");
  field.remove();
  filter = undefined;
}
