import { expect } from "vitest";
import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import { calm, contextOf, type Look } from "./browser";
import type { Koi } from "./koi";

export const PASSWORD = "a long password";

/** An operator of the test's own. */
export async function operator(koi: Koi, login: string, role = "owner"): Promise<void> {
  await koi.shop("POST", "/operators", { login, name: login, role, password: PASSWORD });
}

/** A browser context in which somebody is signed in already; its page errors are gathered. */
export async function signedIn(browser: Browser, koi: Koi, login: string, look: Look): Promise<{ context: BrowserContext; errors: string[] }> {
  const made = await contextOf(browser, look);
  const answer = await made.context.request.post(`${koi.url}/api/v1/session`, { data: { login, password: PASSWORD } });
  expect(answer.status()).toBe(201);
  return made;
}

/** Opens a page of the console and waits for its heading. */
export async function openConsole(context: BrowserContext, koi: Koi, path: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${koi.url}/console${path}`);
  await page.locator("h1").first().waitFor();
  return page;
}

/** Nothing is on its way any more: lists are filled, drawings drawn. */
export async function settled(page: Page): Promise<void> {
  await calm(page);
  await page.waitForFunction(() => document.querySelector(".ant-spin-spinning") === null);
}

/** Goes to another page of the console that is open, as a link does: without loading it anew. */
export async function goTo(page: Page, path: string): Promise<void> {
  await page.evaluate((to) => {
    history.pushState(null, "", `/console${to}`);
    dispatchEvent(new PopStateEvent("popstate"));
  }, path);
  await page.waitForFunction((to) => document.querySelector<HTMLElement>("#main")?.dataset["path"] === to, path);
  await page.locator("h1").first().waitFor();
  await settled(page);
}

/** The furthest that anything is from where the focus is. */
const MOST_TABS = 220;

/** Goes somewhere as a keyboard alone can: by Tab, until it has the focus. */
export async function tabTo(page: Page, target: Locator, key = "Tab"): Promise<void> {
  await target.first().waitFor();
  for (let presses = 0; presses < MOST_TABS; presses += 1) {
    const isThere = await target.first().evaluate((node) => node === document.activeElement || node.contains(document.activeElement));
    if (isThere) return;
    await page.keyboard.press(key);
  }
  throw new Error(`no Tab reaches ${String(target)}`);
}

/** Goes there and presses Enter. */
export async function press(page: Page, target: Locator): Promise<void> {
  await tabTo(page, target);
  await page.keyboard.press("Enter");
}

/** Goes there and types, over what is there. */
export async function type(page: Page, target: Locator, text: string): Promise<void> {
  await tabTo(page, target);
  await page.keyboard.press("Control+A");
  await page.keyboard.type(text);
}
