import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, it } from "vitest";
import { DESKTOP, PHONE, contextOf, launch, openShopper } from "./harness/browser";
import { settled } from "./harness/console";
import { campaignBody, liveCampaign, personal, purchases, shopper, type Person } from "./harness/fixture";
import { startKoi, type Koi } from "./harness/koi";

const PICTURES = fileURLToPath(new URL("../../docs/pictures", import.meta.url));
let koi: Koi;
let browser: Browser;

beforeAll(async () => {
  mkdirSync(PICTURES, { recursive: true });
  [koi, browser] = await Promise.all([startKoi(), launch()]);
});
afterAll(async () => {
  await browser?.close();
  await koi?.stop();
});

/** WebP, a tenth of a PNG: the pictures are part of the repository. */
async function shoot(page: Page, name: string): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  const { data } = await devtools.send("Page.captureScreenshot", { format: "webp", quality: 82 });
  writeFileSync(`${PICTURES}/${name}.webp`, Buffer.from(data, "base64"));
}

const CROWD = 16;
const WAVES = 14;
const WAVE_MS = 800;
/** Little enough that the burn-down shows where it leads. */
const STOCK: Record<string, number> = { mug: 120, tea: 150, book: 210, lamp: 60, bag: 90, phone: 5 };

/** A campaign that many draw in; who bought before, and some who buy after. */
async function inFullSwing(): Promise<[campaign: string, crowd: Person[]]> {
  const names = Array.from({ length: CROWD }, (_, index) => `crowd-${index}`);
  for (const name of names) await purchases(koi, name);
  const prizes = (campaignBody()["prizes"] as { code: string }[]).map((prize) => (STOCK[prize.code] ? { ...prize, stock: STOCK[prize.code] } : prize));
  const campaign = await liveCampaign(koi, { name: "双十一锦鲤季", prizes, limits: { budget_cents: 1_500_000 } });
  const crowd: Person[] = [];
  for (const name of names) crowd.push(await shopper(koi, campaign, name, 60));
  for (const [index, { name, token }] of crowd.entries()) {
    if (index % 4 !== 3) await koi.as(token, "POST", `/campaigns/${campaign}/draws`, { count: 10 }, "first");
    if (index % 3 === 0) {
      const items = [{ sku: "sku-lamp", name: "无线阅读灯", category: "light", price_cents: 12_900, quantity: 1 }];
      await koi.shop("POST", "/events", { id: `${name}-after`, type: "purchase", shopper: name, at: new Date().toISOString(), order_id: `${name}-after`, items });
    }
  }
  return [campaign, crowd];
}

it("takes the README's pictures", async () => {
  await purchases(koi, "linxiaoman");
  const campaign = await liveCampaign(koi);
  const person = await shopper(koi, campaign, "linxiaoman", 40);
  await personal(koi, campaign, person.token);
  await koi.as(person.token, "POST", `/campaigns/${campaign}/orders`, { kind: "sign_in" }, "sign-in");
  await koi.as(person.token, "POST", `/campaigns/${campaign}/draws`, { count: 7 }, "draws");

  const phone = await contextOf(browser, { viewport: PHONE, language: "zh", theme: "light", calm: true });
  const page = await openShopper(phone.context, koi.url, campaign, person.token);
  await page.locator(".list .tile").first().waitFor();
  await shoot(page, "shopper-phone");
  await phone.context.close();

  const wide = await contextOf(browser, { viewport: DESKTOP, language: "en", theme: "dark", calm: true });
  const desktop = await openShopper(wide.context, koi.url, campaign, person.token, "chances");
  await desktop.locator(".picker label:has(input[value=wheel])").click();
  await desktop.locator(".days .is-signed").first().waitFor();
  await shoot(desktop, "shopper-desktop");

  const password = "a password for pictures";
  await koi.shop("POST", "/operators", { login: "picture", name: "Picture", role: "owner", password });
  const answer = await wide.context.request.post(`${koi.url}/api/v1/session`, { data: { login: "picture", password } });
  if (!answer.ok()) throw new Error(`signing in: ${answer.status()}`);
  const operator = await wide.context.newPage();
  await operator.emulateMedia({ colorScheme: "light" });
  // The dashboard of a campaign in full swing.
  const [busy, crowd] = await inFullSwing();
  await operator.goto(`${koi.url}/console/?campaign=${busy}`);
  await operator.locator('.k-live[data-state="open"]').waitFor();
  for (let wave = 0; wave < WAVES; wave += 1) {
    // A dozen seconds whose speed rises and falls, so that the curve has something to show.
    const drawing = crowd.slice(0, 1 + Math.round((crowd.length - 1) * Math.abs(Math.sin(wave / 3))));
    await Promise.all(drawing.map(({ token }) => koi.as(token, "POST", `/campaigns/${busy}/draws`, { count: 2 }, `wave-${wave}`)));
    await operator.waitForTimeout(WAVE_MS);
  }
  await settled(operator);
  await shoot(operator, "console");
  await wide.context.close();
});
