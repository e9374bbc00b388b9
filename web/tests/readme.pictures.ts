import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, it } from "vitest";
import { DESKTOP, PHONE, contextOf, launch, openShopper } from "./harness/browser";
import { liveCampaign, shopper } from "./harness/fixture";
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

it("takes the README's pictures", async () => {
  const campaign = await liveCampaign(koi);
  const person = await shopper(koi, campaign, "linxiaoman", 40);
  await koi.as(person.token, "POST", `/campaigns/${campaign}/orders`, { kind: "sign_in" }, "sign-in");
  await koi.as(person.token, "POST", `/campaigns/${campaign}/draws`, { count: 7 }, "draws");

  const phone = await contextOf(browser, { viewport: PHONE, language: "zh", theme: "light", calm: true });
  const page = await openShopper(phone.context, koi.url, campaign, person.token);
  await page.locator(".list .tile").first().waitFor();
  await page.screenshot({ path: `${PICTURES}/shopper-phone.png`, scale: "css" });
  await phone.context.close();

  const wide = await contextOf(browser, { viewport: DESKTOP, language: "en", theme: "dark", calm: true });
  const desktop = await openShopper(wide.context, koi.url, campaign, person.token, "chances");
  await desktop.locator(".picker label:has(input[value=wheel])").click();
  await desktop.locator(".days .is-signed").first().waitFor();
  await desktop.screenshot({ path: `${PICTURES}/shopper-desktop.png`, scale: "css" });

  const password = "a password for pictures";
  await koi.shop("POST", "/operators", { login: "picture", name: "Picture", role: "owner", password });
  const answer = await wide.context.request.post(`${koi.url}/api/v1/session`, { data: { login: "picture", password } });
  if (!answer.ok()) throw new Error(`signing in: ${answer.status()}`);
  const operator = await wide.context.newPage();
  await operator.emulateMedia({ colorScheme: "light" });
  await operator.goto(`${koi.url}/console/`);
  await operator.waitForLoadState("networkidle");
  await operator.screenshot({ path: `${PICTURES}/console.png`, scale: "css" });
  await wide.context.close();
});
