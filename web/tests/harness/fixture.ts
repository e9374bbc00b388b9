import type { Koi } from "./koi";

const DAY_MS = 86_400_000;

const goods = (code: string, name: string, category: string, value_cents: number, stock: number) => ({
  code,
  name,
  kind: "goods",
  category,
  skus: [`sku-${code}`],
  value_cents,
  cost_cents: Math.round(value_cents * 0.45),
  stock,
});

/** A campaign with every kind of prize that a shopper may meet, eight places, a locked tier, and every way to chances. */
export function campaignBody(change: Record<string, unknown> = {}): Record<string, unknown> {
  const now = Date.now();
  return {
    name: "锦鲤好运季",
    starts_at: new Date(now - DAY_MS).toISOString(),
    ends_at: new Date(now + 30 * DAY_MS).toISOString(),
    currency: "CNY",
    time_zone: "Asia/Shanghai",
    prizes: [
      goods("mug", "手冲咖啡杯", "kitchen", 3_900, 5_000),
      goods("tea", "桂花乌龙茶礼盒", "tea", 4_500, 5_000),
      goods("book", "城市散步手账", "book", 2_900, 5_000),
      goods("lamp", "无线阅读灯", "light", 12_900, 2_000),
      goods("bag", "帆布通勤背包", "bag", 15_900, 2_000),
      goods("phone", "旗舰折叠手机", "phone", 899_900, 5),
      { code: "pts", name: "幸运积分", kind: "points", points: { min: 5, max: 50 } },
      { code: "more", name: "锦鲤积分", kind: "points", points: { min: 50, max: 200 } },
    ],
    tiers: [
      { code: "small", slots: 3, weight: 6_000, value_cents: { min: 1, max: 5_000 } },
      { code: "medium", slots: 2, weight: 1_500, value_cents: { min: 5_000, max: 20_000 } },
      { code: "grand", slots: 1, weight: 20, value_cents: { min: 100_000, max: 1_000_000 }, unlock_after: 10 },
      { code: "points", slots: 2, weight: 2_480, prizes: ["pts", "more"] },
    ],
    limits: { per_shopper: 500, per_day: 400 },
    chances: {
      sign_in: 1,
      streaks: [{ days: 3, chances: 2 }],
      per_purchase_cents: 10_000,
      points_price: 50,
      paid_price_cents: 100,
      referral: 2,
      referred: 1,
      points_on_sign_in: { min: 1, max: 10 },
    },
    ...change,
  };
}

/** Makes and publishes a campaign; gives its id. */
export async function liveCampaign(koi: Koi, change: Record<string, unknown> = {}): Promise<string> {
  const { id } = await koi.shop<{ id: string }>("POST", "/campaigns", campaignBody(change));
  const published = await koi.shop<{ state: string }>("POST", `/campaigns/${id}/publish`, {});
  if (published.state !== "live") throw new Error(`the campaign is ${published.state}`);
  return id;
}

/** Stocks the exchange shop: draws, a prize, and one that few can afford. */
export async function stockShop(koi: Koi, campaign: string): Promise<void> {
  const items = [
    { name: "再抽三次", price_points: 120, stock: 200, gives: { chances: 3, campaign_id: campaign } },
    { name: "手冲咖啡杯", price_points: 260, stock: 12, gives: { prize: { code: "shop-mug", name: "手冲咖啡杯", kind: "goods", category: "kitchen", value_cents: 3_900, cost_cents: 1_500 } } },
    { name: "无线降噪耳机", price_points: 9_800, stock: 3, gives: { prize: { code: "shop-audio", name: "无线降噪耳机", kind: "goods", category: "audio", value_cents: 89_900, cost_cents: 50_000 } } },
  ];
  // oxlint-disable-next-line no-await-in-loop -- in this order, so that the pictures stay the same
  for (const item of items) await koi.shop("POST", "/exchange/items", item);
}

export interface Person {
  name: string;
  token: string;
}

/** Registers a shopper with a token and so many chances. */
export async function shopper(koi: Koi, campaign: string, name: string, chances: number): Promise<Person> {
  await koi.shop("PUT", `/shoppers/${name}`, { name });
  const { token } = await koi.shop<{ token: string }>("POST", `/shoppers/${name}/tokens`, { ttl_seconds: 3_600 });
  if (chances > 0) {
    await koi.shop("POST", `/campaigns/${campaign}/grants`, { shopper: name, chances, business_key: `grant-${name}`, reason: "browser test" });
  }
  return { name, token };
}

const PERSONAL_MS = 60_000;

/** Tells koi what a shopper bought, so that their places have reasons; before the campaign is published, so that it brings no chances. */
export async function purchases(koi: Koi, name: string): Promise<void> {
  const items = [
    ["sku-tea", "桂花乌龙茶礼盒", "tea", 4_500],
    ["sku-mug", "手冲咖啡杯", "kitchen", 3_900],
    ["sku-lamp", "无线阅读灯", "light", 12_900],
    ["sku-book", "城市散步手账", "book", 2_900],
  ] as const;
  const events = Array.from({ length: 6 }, (_, order) => ({
    id: `${name}-${order}`,
    type: "purchase",
    shopper: name,
    at: new Date(Date.now() - (40 - order * 5) * DAY_MS).toISOString(),
    order_id: `${name}-order-${order}`,
    items: items.slice(0, 1 + (order % items.length)).map(([sku, title, category, price_cents]) => ({ sku, name: title, category, price_cents, quantity: 1 })),
  }));
  await koi.shop("POST", "/events", events);
}

/** Waits until a shopper's places are their own. */
export async function personal(koi: Koi, campaign: string, token: string): Promise<void> {
  const until = Date.now() + PERSONAL_MS;
  while (Date.now() < until) {
    // oxlint-disable-next-line no-await-in-loop -- looks until it is so
    const { strategy } = await koi.as<{ strategy: { source: string } }>(token, "GET", `/campaigns/${campaign}/me`);
    if (strategy.source === "personal") return;
    // oxlint-disable-next-line no-await-in-loop
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("no personal strategy in time");
}
