import { BarChart, CustomChart, LineChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, MarkLineComponent, MarkPointComponent, TooltipComponent } from "echarts/components";
import { init, use, type ComposeOption } from "echarts/core";
import type { BarSeriesOption, CustomSeriesOption, LineSeriesOption } from "echarts/charts";
import type { GridComponentOption, LegendComponentOption, TooltipComponentOption } from "echarts/components";
import { SVGRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";
import { useLook, type Look } from "../lib/look";

use([BarChart, CustomChart, LineChart, AriaComponent, GridComponent, LegendComponent, MarkLineComponent, MarkPointComponent, TooltipComponent, SVGRenderer]);

export type Option = ComposeOption<BarSeriesOption | LineSeriesOption | CustomSeriesOption | GridComponentOption | LegendComponentOption | TooltipComponentOption>;

/** A chart in the console's colours. What it shows is said in `label` for who cannot see it. */
export function Chart({ option, height = 260, label }: { option: (look: Look) => Option; height?: number; label: string }) {
  const look = useLook();
  const frame = useRef<HTMLDivElement>(null);
  const chart = useRef<ReturnType<typeof init>>(undefined);
  useEffect(() => {
    const node = frame.current;
    if (!node) return;
    const made = init(node, null, { renderer: "svg" });
    chart.current = made;
    const watch = new ResizeObserver(() => made.resize());
    watch.observe(node);
    return () => {
      watch.disconnect();
      made.dispose();
      chart.current = undefined;
    };
  }, []);
  useEffect(() => {
    const axis = { axisLine: { lineStyle: { color: look.line } }, axisTick: { show: false }, axisLabel: { color: look.ink2, hideOverlap: true }, splitLine: { lineStyle: { color: look.line } }, nameTextStyle: { color: look.ink2 } };
    const given = option(look);
    const dress = (one: unknown): object[] | undefined => (one === undefined ? undefined : (Array.isArray(one) ? one : [one]).map((each: object) => ({ ...axis, ...each })));
    chart.current?.setOption(
      {
        animation: false,
        color: look.series,
        textStyle: { fontFamily: look.font, color: look.ink },
        tooltip: { trigger: "axis", confine: true, backgroundColor: look.raised, borderColor: look.line, textStyle: { color: look.ink, fontSize: 13 } },
        grid: { left: 8, right: 16, top: 36, bottom: 8, containLabel: true },
        ...given,
        ...(given.legend ? { legend: { top: 0, left: 0, icon: "roundRect", itemWidth: 12, itemHeight: 8, textStyle: { color: look.ink2 }, ...given.legend } } : {}),
        ...("xAxis" in given ? { xAxis: dress(given.xAxis) } : {}),
        ...("yAxis" in given ? { yAxis: dress(given.yAxis) } : {}),
      } as Option,
      { notMerge: true },
    );
  }, [option, look]);
  return (
    <figure className="k-chart" aria-label={label}>
      <div ref={frame} style={{ height }} aria-hidden />
    </figure>
  );
}
