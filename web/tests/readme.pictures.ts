import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, it } from "vitest";
import { DESKTOP, PHONE, contextOf, launch, openShopper } from "./harness/browser";
import { liveCampaign, personal, purchases, shopper } from "./harness/fixture";
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
  // The flow editor: the text of a campaign's rules and their drawing, side by side.
  await operator.goto(`${koi.url}/console/campaigns/${campaign}/flow`);
  await operator.waitForLoadState("networkidle");
  await shoot(operator, "console");
  await wide.context.close();
});
