import type { Schema } from "@koi/client";
import type { Look } from "../../lib/look";
import type { Option } from "../../parts/Chart";

/** Half the side of the largest dot, and the least that can still be seen. */
const LARGEST = 13;
const LEAST = 3;

const axis = (name: string) => ({ type: "value" as const, min: 0, max: 1, name, nameLocation: "middle" as const, interval: 0.25 });

/**
 * The reliability diagram (DeGroot and Fienberg 1983): of the questions that were stated so probable, how many came true. On the dashed line
 * both are the same; a dot's area says how many questions it stands for.
 */
export function reliabilityOption(bins: Schema<"ReliabilityBin">[], names: { stated: string; observed: string; questions: string }): (look: Look) => Option {
  const shown = bins.filter((bin) => bin.n > 0);
  const most = Math.max(1, ...shown.map((bin) => bin.n));
  const size = (n: number) => 2 * Math.max(LEAST, LARGEST * Math.sqrt(n / most));
  return (look) => {
    const percent = { color: look.ink2, formatter: (value: number) => `${Math.round(value * 100)}%` };
    return {
      grid: { left: 20, right: 20, top: 16, bottom: 24, containLabel: true },
      tooltip: { trigger: "item" },
      xAxis: { ...axis(names.stated), nameGap: 28, axisLabel: percent },
      yAxis: { ...axis(names.observed), nameGap: 44, axisLabel: percent },
      series: [
        {
          type: "line",
          silent: true,
          showSymbol: false,
          data: [
            [0, 0],
            [1, 1],
          ],
          lineStyle: { color: look.warning, type: "dashed", width: 1.4 },
        },
        {
          type: "line",
          data: shown.map((bin) => ({ value: [bin.stated, bin.observed], symbolSize: size(bin.n), name: `${names.questions}: ${bin.n}` })),
          symbol: "circle",
          lineStyle: { width: 2 },
          itemStyle: { color: look.series[0] ?? look.ink, opacity: 0.9 },
          tooltip: { valueFormatter: (value) => (Array.isArray(value) ? value : [value]).map((one) => `${(Number(one) * 100).toFixed(1)}%`).join(" → ") },
        },
      ],
    };
  };
}
