/** Pictures of prizes, as one character each: what a prize is called and which category it is of say more than its kind. */
const WORDS: readonly [RegExp, string][] = [
  [/phone|手机|电话/i, "📱"],
  [/laptop|computer|电脑|笔记本|数码|electronic|digital/i, "💻"],
  [/headphone|earphone|audio|耳机|音响|音箱/i, "🎧"],
  [/camera|相机|摄影/i, "📷"],
  [/watch|clock|手表|钟/i, "⌚"],
  [/coffee|咖啡/i, "☕"],
  [/\btea|茶/i, "🍵"],
  [/cake|bake|蛋糕|烘焙/i, "🍰"],
  [/snack|零食|巧克力|chocolate|candy|糖/i, "🍫"],
  [/fruit|水果|生鲜/i, "🍎"],
  [/wine|酒|beer/i, "🍷"],
  [/food|食品|grocery|粮油|drink|饮料/i, "🥗"],
  [/cup|mug|glass|杯/i, "🥤"],
  [/kitchen|cook|厨|锅|餐/i, "🍳"],
  [/book|书|图书|stationery|文具/i, "📚"],
  [/toy|玩具|game|游戏|乐高/i, "🧸"],
  [/baby|婴|母婴|儿童/i, "🍼"],
  [/pet|宠物|cat\b|dog\b/i, "🐾"],
  [/beauty|美妆|护肤|cosmetic|makeup|香水/i, "💄"],
  [/shoe|鞋/i, "👟"],
  [/bag|箱包|背包|luggage/i, "👜"],
  [/dress|cloth|fashion|服|衣|裙|女装|男装/i, "👕"],
  [/jewel|首饰|珠宝/i, "💍"],
  [/garden|plant|flower|园艺|花|植物/i, "🪴"],
  [/sport|运动|健身|fitness|outdoor|户外|骑行/i, "🏕️"],
  [/car\b|auto|汽车|车/i, "🚗"],
  [/light|lamp|candle|灯|蜡烛/i, "🕯️"],
  [/sofa|furniture|家具|床|bed|家纺/i, "🛋️"],
  [/clean|清洁|洗|家清/i, "🧼"],
  [/health|健康|保健|药/i, "🩺"],
  [/home|家居|decor|装饰/i, "🏡"],
  [/party|christmas|节日|礼/i, "🎀"],
  [/travel|旅行|机票|酒店/i, "✈️"],
  [/music|音乐/i, "🎵"],
];

const KINDS: Readonly<Record<string, string>> = {
  points: "🪙",
  coupon: "🎟️",
  balance: "🧧",
  webhook: "✨",
  none: "🍀",
  goods: "🎁",
};

/** One character for a prize. */
export function artOf(prize: { name: string; kind: string; category?: string | null }): string {
  if (prize.kind !== "goods") return KINDS[prize.kind] ?? "🎁";
  const found = WORDS.find(([words]) => words.test(prize.name)) ?? WORDS.find(([words]) => words.test(prize.category ?? ""));
  return found?.[1] ?? "🎁";
}
