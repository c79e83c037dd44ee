// Looks at every page with a real browser: on a phone and a desktop, light and dark, with and without scripts.
//
//   BASE_URL   pages to look at; without it the fake fleet's server is built and started
//   CHROMIUM   the browser's program; without it /usr/bin/chromium
//   SHOTS      folder for screenshots; without it none are kept
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const root = new URL("../../..", import.meta.url).pathname;
const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } };
const deadline = 60_000;

const real = Boolean(process.env.BASE_URL);

let base = process.env.BASE_URL;
let server;
let browser;

before(async () => {
  if (!base) base = await startServer([]);
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"], timeout: deadline });
}, { timeout: 5 * deadline });

after(async () => {
  await browser?.close();
  server?.stdin.end();
});

async function startServer(args) {
  server = spawn("go", ["run", "./dashboards/web/e2e/server", ...args], { cwd: root, stdio: ["pipe", "pipe", "inherit"] });
  for await (const line of createInterface({ input: server.stdout })) return line.trim();
  throw new Error("the server ended before it told its address");
}

/** Opens a page; the returned list fills with what the browser complains about. */
async function open(path, { size = "desktop", scheme = "light", scripts = true } = {}) {
  const context = await browser.newContext({ viewport: sizes[size], colorScheme: scheme, javaScriptEnabled: scripts, reducedMotion: "reduce" });
  context.setDefaultTimeout(deadline);
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (m) => m.type() === "error" && complaints.push(m.text()));
  page.on("pageerror", (e) => complaints.push(e.message));
  page.on("dialog", (d) => complaints.push(`a dialog: ${d.message()}`));
  const answer = await page.goto(base + path);
  return { page, complaints, answer, close: () => context.close() };
}

/** The paths of every kind of page, found by following links as a person would. */
async function allPaths() {
  const { page, close } = await open("/");
  const hrefs = (selector) => page.$$eval(selector, (all) => all.map((a) => a.getAttribute("href")));
  const paths = ["/", "/incidents", "/hosts", "/metrics/", "/metrics/cpu", "/no-such-page", "/hosts/no-such-host"];
  paths.push(...(await hrefs(".strip .host a")).slice(0, 2));
  await page.goto(`${base}/incidents`);
  if (real) await page.locator(".incidents a").first().waitFor();
  paths.push(...(await hrefs(".incidents a")).slice(0, 2));
  await page.goto(`${base}/metrics/`);
  paths.push(...(await hrefs(".names.mono a")).slice(0, 1));
  await close();
  if (!real) paths.push("/hosts/stats1/munin?span=day");
  return [...new Set(paths)];
}

async function shoot(page, path, size, scheme) {
  if (!process.env.SHOTS) return;
  mkdirSync(process.env.SHOTS, { recursive: true });
  const name = path.replace(/[^a-z0-9]+/gi, "-").replace(/^-|-$/g, "") || "now";
  await page.screenshot({ path: join(process.env.SHOTS, `${name}-${size}-${scheme}.png`) });
}

async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run({ resultTypes: ["violations"] }));
  return found.violations.map((v) => `${v.id}: ${v.help}\n  ${v.nodes.map((n) => n.html).slice(0, 3).join("\n  ")}`);
}

async function tooWide(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

describe("every page", () => {
  for (const size of Object.keys(sizes)) {
    for (const scheme of ["light", "dark"]) {
      test(`is accessible and fits, ${size}, ${scheme}`, { timeout: 4 * deadline }, async () => {
        for (const path of await allPaths()) {
          const { page, complaints, answer, close } = await open(path, { size, scheme });
          if (await page.$("b-chart svg")) await page.waitForSelector("b-chart canvas, b-chart svg");
          await shoot(page, path, size, scheme);
          assert.deepEqual(await violations(page), [], `axe on ${path}`);
          assert.equal(await tooWide(page), 0, `${path} scrolls sideways`);
          assert.deepEqual(complaints.filter((c) => answer.status() === 200 || !c.includes("404")), [], `the browser's complaints on ${path}`);
          await close();
        }
      });
    }
  }

  test("is complete without scripts", { timeout: 2 * deadline }, async () => {
    for (const path of await allPaths()) {
      const { page, close } = await open(path, { size: "phone", scripts: false });
      assert.ok(await page.locator("h1").first().isVisible(), `${path} has no headline`);
      assert.equal(await tooWide(page), 0, `${path} scrolls sideways`);
      if (path.startsWith("/i/") || path === "/metrics/cpu" || path === "/") assert.ok((await page.locator("svg.plot").count()) > 0, `${path} has no graph`);
      await close();
    }
  });
});

describe("the first page", () => {
  test("lets its graphs go on and its rows be", { timeout: 2 * deadline, skip: !real && "the made-up fleet stands still" }, async () => {
    const { page, complaints, close } = await open("/");
    const before = await page.locator(".small svg").first().evaluate((svg) => {
      window.row = svg.closest("li");
      return svg.outerHTML;
    });
    await page.waitForFunction((was) => document.querySelector(".small svg")?.outerHTML !== was, before);
    assert.ok(await page.evaluate(() => window.row.isConnected), "the row was exchanged with its graph");
    assert.deepEqual(complaints, []);
    await close();
  });
});

describe("an incident", () => {
  let path = "/i/20261121-0312-ab";

  before(async () => {
    if (!real) return;
    const { page, close } = await open("/");
    path = await page.locator(".incidents a").first().getAttribute("href");
    await close();
  }, { timeout: deadline });

  test("shows hostile output as text", { timeout: deadline, skip: real && "only the made-up fleet is hostile" }, async () => {
    const { page, complaints, close } = await open(path);
    assert.match(await page.locator("#evidence pre").innerText(), /<script>alert/);
    assert.deepEqual(complaints, []);
    await close();
  });

  test("shows its graph and what to do on the first screen of a phone", { timeout: deadline }, async () => {
    const { page, close } = await open(path, { size: "phone" });
    const bottom = await page.locator(".bar .main").boundingBox();
    assert.ok(bottom.y + bottom.height <= sizes.phone.height, "Take it is not on the screen");
    const graph = await page.locator("#graph b-chart").boundingBox();
    assert.ok(graph.y + 120 <= bottom.y, `the graph begins only at ${graph.y}`);
    assert.ok(bottom.height >= 48, "Take it is smaller than a thumb");
    await close();
  });

  test("says since when it lasts over its graph", { timeout: deadline }, async () => {
    const { page, complaints, close } = await open(path);
    await page.waitForSelector("#graph canvas");
    assert.match(await page.locator("#graph .says").innerText(), /has been critical since \d\d:\d\d/);
    assert.deepEqual(complaints, []);
    await close();
  });

  test("is taken by a form without scripts", { timeout: deadline }, async () => {
    const { page, close } = await open(path, { scripts: false });
    await page.fill('input[name="who"]', "Bob");
    await page.click("button.main");
    assert.equal(new URL(page.url()).pathname, path);
    assert.match(await page.locator("#facts").innerText(), /Bob/);
    await close();
  });

  test("changes on another open page without a reload", { timeout: deadline }, async () => {
    const watcher = await open(path);
    await watcher.page.waitForFunction(() => performance.getEntriesByType("resource").some((e) => e.name.endsWith(".js")));
    await watcher.page.evaluate(() => { window.stillHere = true; });
    const actor = await open(path);
    await actor.page.fill('input[name="who"]', "Carol");
    await actor.page.keyboard.press("Escape");
    await actor.page.locator("h1").click();
    await actor.page.keyboard.press("a");
    await watcher.page.waitForFunction(() => document.querySelector("#facts").innerText.includes("Carol"));
    assert.equal(await watcher.page.evaluate(() => window.stillHere), true);
    await actor.close();
    await watcher.close();
  });
});

describe("the keyboard", () => {
  test("walks the rows and opens one", { timeout: deadline }, async () => {
    const { page, close } = await open("/hosts");
    await page.waitForFunction(() => customElements.get("b-chart"));
    await page.keyboard.press("j");
    const name = await page.locator("[data-row].at a").first().innerText();
    await Promise.all([page.waitForURL("**/hosts/*"), page.keyboard.press("Enter")]);
    assert.equal(await page.locator("h1").innerText(), name);
    await Promise.all([page.waitForURL("**/incidents"), page.keyboard.press("g").then(() => page.keyboard.press("i"))]);
    await close();
  });

  test("reads a graph aloud", { timeout: deadline }, async () => {
    const { page, close } = await open("/metrics/cpu");
    const chart = page.locator(".chart-box");
    await chart.focus();
    await page.keyboard.press("ArrowLeft");
    const first = await page.locator(".chart-read").innerText();
    assert.match(first, /^\d\d:\d\d .+ \d+(\.\d+)? %/);
    await page.keyboard.press("Home");
    await page.waitForFunction((text) => document.querySelector(".chart-read").innerText !== text, first);
    await close();
  });
});
