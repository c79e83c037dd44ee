import { length } from "./format";

const tick = 10_000; // ms

/** Lets "4 min" become "5 min" while the page stays open. */
export function countTime(): void {
  setInterval(() => {
    for (const el of document.querySelectorAll<HTMLTimeElement>("time[data-ago]")) {
      const text = length((Date.now() - Date.parse(el.dateTime)) / 1000);
      if (el.textContent !== text) el.textContent = text;
    }
  }, tick);
}

const key = "dialtone.who";

/** Keeps the name of the person on call in this browser, so that it is typed once. */
export function rememberName(): void {
  fillName(document);
  document.addEventListener("change", (event) => {
    if (event.target instanceof HTMLInputElement && event.target.name === "who") localStorage.setItem(key, event.target.value);
  });
}

/** Puts the remembered name into a form that has none. */
export function fillName(root: ParentNode): void {
  const field = root.querySelector<HTMLInputElement>('input[name="who"]');
  if (field && !field.value) field.value = localStorage.getItem(key) ?? "";
}
