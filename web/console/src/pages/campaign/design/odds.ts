import type { Schema } from "@koi/client";

type Prize = Schema<"CampaignPrize">;
type Tier = Schema<"CampaignTier">;
type Pool = Schema<"CampaignPool">;

export interface TierOdds {
  code: string;
  /** Its share of the pool's weight, 0 to 1. */
  probability: number;
  prizes: string[];
  /** Mean cost of one hit, minor units: slots are filled from these prizes, each as likely before anything personal is known. */
  costCents: number;
}

/** The prizes of a tier: those it names, and those of its band that no tier names. Min is inclusive, max is not. */
export function prizesOf(tier: Partial<Tier>, prizes: Partial<Prize>[], tiers: Partial<Tier>[]): Partial<Prize>[] {
  const named = new Set(tiers.flatMap((one) => one?.prizes ?? []));
  const band = tier.value_cents;
  return prizes.filter((prize) => {
    if (!prize?.code || prize.moments) return false;
    if (named.has(prize.code)) return tier.prizes?.includes(prize.code) ?? false;
    const value = prize.value_cents ?? 0;
    return band != null && value >= (band.min ?? 0) && value < (band.max ?? 0);
  });
}

/** Odds as they will be published, from what is typed so far; a pool without weights has none. */
export function oddsOf(pool: Partial<Pool>, tiers: Partial<Tier>[], prizes: Partial<Prize>[]): TierOdds[] {
  const members = tiers.filter((tier) => tier?.code && (pool.tiers ?? []).includes(tier.code));
  const total = members.reduce((sum, tier) => sum + (tier.weight ?? 0), 0);
  return members.map((tier) => {
    const held = prizesOf(tier, prizes, tiers);
    const cost = held.reduce((sum, prize) => sum + (prize.cost_cents ?? 0), 0) / Math.max(1, held.length);
    return { code: tier.code ?? "", probability: total > 0 ? (tier.weight ?? 0) / total : 0, prizes: held.map((prize) => prize.name ?? prize.code ?? ""), costCents: cost };
  });
}

/** The pools in order; one of all tiers where there are none. */
export function poolsOf(pools: Partial<Pool>[] | undefined, tiers: Partial<Tier>[]): Partial<Pool>[] {
  if (pools && pools.length > 0) return pools;
  return [{ code: "all", tiers: tiers.map((tier) => tier?.code ?? "") }];
}
