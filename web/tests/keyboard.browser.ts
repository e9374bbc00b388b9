import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { DESKTOP, contextOf, launch, openShopper } from "./harness/browser";
import { axeFindings } from "./harness/checks";
import { liveCampaign, shopper, stockShop } from "./harness/fixture";
import { startKoi, type Koi } from "./harness/koi";

let koi: Koi;
let browser: Browser;

beforeAll(async () => {
  [koi, browser] = await Promise.all([startKoi(), launch()]);
});
afterAll(async () => {
  await browser?.close();
  await koi?.stop();
});

/** Tabs until what is focused has this name; a keyboard alone must reach it. */
async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  const seen: string[] = [];
  for (let count = 0; count < 80; count += 1) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => {
      const at = document.activeElement;
      return at?.getAttribute("aria-label") ?? (at instanceof HTMLInputElement ? (at.labels?.[0]?.textContent ?? at.name) : at?.textContent) ?? "";
    });
    seen.push(focused.trim());
    if (typeof name === "string" ? focused.trim() === name : name.test(focused)) return;
  }
  throw new Error(`no tab stop is called ${String(name)}: ${[...new Set(seen)].join(" | ")}`);
}

it.concurrent("signs in, draws, reads the receipt and claims by keyboard alone", async () => {
  // Every draw wins goods, so that there is something to claim.
  const campaign = await liveCampaign(koi, {
    tiers: [{ code: "small", slots: 3, weight: 1, value_cents: { min: 1, max: 5_000 } }],
  });
  const person = await shopper(koi, campaign, "ada", 0);
  const { context, errors } = await contextOf(browser, { viewport: DESKTOP, language: "en", theme: "light" });
  const page = await openShopper(context, koi.url, campaign, person.token);
  const announced = page.getByTestId("announced");

  await tabTo(page, /^Chances$/);
  await page.keyboard.press("Enter");
  await page.locator(".calendar").waitFor();
  await tabTo(page, "Sign in");
  await page.keyboard.press("Enter");
  await page.getByText("Signed in today").waitFor();

  await page.locator(".kg-start:enabled").waitFor();
  // From the end of the page round to its beginning, as people do.
  await tabTo(page, "Draw");
  await page.keyboard.press("Enter");
  await page.getByTestId("result").waitFor();
  const prize = await page.getByTestId("result").textContent();
  expect(await announced.textContent()).toBe(`Result of the draw: ${prize}`);
  expect(await page.evaluate(() => document.activeElement?.closest("dialog") !== null)).toBe(true);
  await tabTo(page, "Receipt");
  await page.keyboard.press("Enter");
  await page.getByText("Matches the hash shown before the draw").waitFor();
  expect(await axeFindings(page)).toEqual([]);
  await page.keyboard.press("Escape");
  await page.getByTestId("result").waitFor({ state: "detached" });

  await tabTo(page, /^Prizes$/);
  await page.keyboard.press("Enter");
  await tabTo(page, `Claim: ${prize}`);
  await page.keyboard.press("Enter");
  await page.locator(".form").waitFor();
  await tabTo(page, "Claim");
  await page.keyboard.press("Enter");
  // What is missing is said, and the first such field has the focus.
  await page.getByText("Please fill this in").first().waitFor();
  expect(await page.evaluate(() => (document.activeElement as HTMLInputElement).name)).toBe("name");
  for (const [index, words] of ["Ada Lovelace", "+44 20 7946 0000", "", "London", "12 St James's Square"].entries()) {
    if (index > 0) await page.keyboard.press("Tab");
    await page.keyboard.type(words);
  }
  await page.keyboard.press("Enter");
  await page.locator(".state.is-claimed").waitFor();
  expect(errors.filter((error) => !error.includes("status of 404"))).toEqual([]);
  await context.close();
});

it.concurrent("exchanges points for draws, once", async () => {
  const campaign = await liveCampaign(koi);
  await stockShop(koi, campaign);
  const person = await shopper(koi, campaign, "cleo", 0);
  await koi.shop("POST", "/shoppers/cleo/points", { amount: 150, business_key: "hello", reason: "welcome" });
  const { context, errors } = await contextOf(browser, { viewport: DESKTOP, language: "en", theme: "light" });
  const page = await openShopper(context, koi.url, campaign, person.token, "points");
  await tabTo(page, "Exchange: 再抽三次");
  await page.keyboard.press("Enter");
  await page.getByText("You got “再抽三次”").waitFor();
  await page.getByText("30", { exact: true }).first().waitFor();
  const me = await koi.as<{ chances: { left: number }; points: number }>(person.token, "GET", `/campaigns/${campaign}/me`);
  expect([me.chances.left, me.points]).toEqual([3, 30]);
  expect(errors).toEqual([]);
  await context.close();
});

it.concurrent("shows the result without a spin to who wants no motion", async () => {
  const campaign = await liveCampaign(koi);
  const person = await shopper(koi, campaign, "bob", 2);
  const { context } = await contextOf(browser, { viewport: DESKTOP, language: "en", theme: "light", calm: true });
  const page = await openShopper(context, koi.url, campaign, person.token);
  await page.locator(".kg-start:enabled").click();
  await page.getByTestId("result").waitFor();
  expect(await page.getByRole("button", { name: "Skip" }).count()).toBe(0);
  await context.close();
});

it.concurrent("shows the game that the campaign names, until the shopper chooses another", async () => {
  const campaign = await liveCampaign(koi, { skin: "egg" });
  const person = await shopper(koi, campaign, "dora", 1);
  const { context } = await contextOf(browser, { viewport: DESKTOP, language: "en", theme: "light", calm: true });
  const page = await openShopper(context, koi.url, campaign, person.token);
  expect(await page.locator(".picker input:checked").getAttribute("value")).toBe("egg");
  await page.locator(".picker label:has(input[value=wheel])").click();
  await page.reload();
  await page.locator(".game .kg").first().waitFor();
  expect(await page.locator(".picker input:checked").getAttribute("value")).toBe("wheel");
  await context.close();
});
