import { App, Button, Empty, Select, Table, type TableProps } from "antd";
import { DownloadOutlined, LeftOutlined, ReloadOutlined, RightOutlined } from "@ant-design/icons";
import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { useFilters } from "../lib/filters";
import { download, readCsv, readPage, type ListPath, type Query } from "../lib/list";
import { useProblemText } from "../lib/problems";
import { orderOf, sortingOf, wordOf } from "../lib/sorting";
import { useTexts } from "../lib/texts";
import { ProblemNote } from "./basics";
import { Filters, namesOf, type Filter } from "./Filters";

export interface Page<Row> {
  data: Row[];
  next_cursor?: string | null;
}

type AntColumn<Row> = Exclude<NonNullable<TableProps<Row>["columns"]>[number], { children: unknown }>;
/** A column; `sort` is the server's name of what it is sorted by. */
export type Column<Row> = AntColumn<Row> & { sort?: string };

interface Props<Row> {
  /** Where the list is. */
  path: ListPath;
  /** With what is asked, the query's key: whoever changes a row asks for these again. */
  name: readonly unknown[];
  /** Says to who cannot see it which table this is. */
  label: string;
  columns: Column<Row>[];
  rowKey: (row: Row) => string;
  empty?: ReactNode;
  /** What its reader can narrow it by. */
  filters?: Filter[];
  /** What it is narrowed by in any case. */
  scope?: Query;
  /** Beside the filters. */
  extra?: ReactNode;
  /** Asked for again so often, in milliseconds. */
  everyMs?: number;
  expandable?: TableProps<Row>["expandable"];
  onRows?: (rows: Row[]) => void;
}

const SIZES = [20, 50, 100, 200];

/** A list that the server filters, sorts, pages and writes as CSV. What was chosen stands in the address. */
export function ServerTable<Row extends object>({ path, name, label, columns, rowKey, empty, filters = [], scope = {}, extra, everyMs, expandable, onRows }: Props<Row>) {
  const { t } = useTexts();
  const [size, setSize] = useState(SIZES[0] as number);
  const [chosen, , change] = useFilters([...namesOf(filters), "sort"]);
  const query: Query = { ...chosen, ...scope };
  const key = JSON.stringify([path, query, size]);
  const [trail, setTrail] = useState<{ key: string; cursors: string[] }>({ key, cursors: [] });
  // Another question starts on its first page.
  const cursors = trail.key === key ? trail.cursors : [];
  const cursor = cursors.at(-1);
  const found = useQuery({
    queryKey: [...name, path, query, "page", size, cursor ?? null],
    queryFn: async ({ signal }) => {
      const page = await readPage<Row>(path, { ...query, limit: size, cursor }, signal);
      onRows?.(page.data);
      return page;
    },
    placeholderData: keepPreviousData,
    ...(everyMs === undefined ? {} : { refetchInterval: everyMs }),
  });
  const frame = useScrollable(label, found.data);
  const next = found.data?.next_cursor;
  const sorting = sortingOf(chosen["sort"]);
  return (
    <section aria-label={label}>
      {(filters.length > 0 || extra) && (
        <div className="k-filters">
          <Filters filters={filters} chosen={chosen} onChange={change} />
          {extra && <div className="k-filters-end">{extra}</div>}
        </div>
      )}
      {found.error && <ProblemNote error={found.error} retry={() => void found.refetch()} />}
      <div ref={frame}>
        <Table<Row>
          className="k-table"
          size="middle"
          columns={columns.map(({ sort, ...column }) => (sort === undefined ? column : { ...column, key: sort, sorter: true, sortOrder: orderOf(sort, sorting), showSorterTooltip: false }))}
          onChange={(_, __, sorter) => {
            const [one] = Array.isArray(sorter) ? sorter : [sorter];
            change({ sort: wordOf(one?.columnKey?.toString(), one?.order) });
          }}
          dataSource={found.data?.data ?? []}
          rowKey={rowKey}
          loading={found.isPending || found.isPlaceholderData}
          pagination={false}
          scroll={{ x: "max-content" }}
          locale={{ emptyText: found.error ? " " : <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={Object.keys(chosen).some((one) => one !== "sort") ? t("table.no_match") : (empty ?? t("common.nothing"))} /> }}
          {...(expandable ? { expandable } : {})}
        />
      </div>
      <nav className="k-pager" aria-label={t("table.pages")}>
        <Button icon={<ReloadOutlined aria-hidden />} type="text" aria-label={t("common.refresh")} onClick={() => void found.refetch()} loading={found.isFetching} />
        <Select
          value={size}
          onChange={setSize}
          aria-label={t("table.size")}
          options={SIZES.map((value) => ({ value, label: t("table.rows", { count: value }) }))}
          popupMatchSelectWidth={false}
        />
        <Export path={path} query={query} label={label} />
        <span className="k-num">{t("table.page", { page: cursors.length + 1 })}</span>
        <Button icon={<LeftOutlined aria-hidden />} aria-label={t("table.previous")} disabled={cursors.length === 0} onClick={() => setTrail({ key, cursors: cursors.slice(0, -1) })} />
        <Button icon={<RightOutlined aria-hidden />} aria-label={t("table.next")} disabled={!next} onClick={() => next && setTrail({ key, cursors: [...cursors, next] })} />
      </nav>
    </section>
  );
}

/** The whole list as it is asked for now, in a file that the server wrote. */
function Export({ path, query, label }: { path: ListPath; query: Query; label: string }) {
  const { t } = useTexts();
  const { message } = App.useApp();
  const text = useProblemText();
  const read = useMutation({
    mutationFn: () => readCsv(path, query),
    onSuccess: (csv) => {
      download(`${label}.csv`, csv.text);
      if (csv.isCut) message.warning(t("table.export_cut"));
    },
    onError: (thrown) => void message.error(text(thrown)),
  });
  return (
    <Button type="text" icon={<DownloadOutlined aria-hidden />} loading={read.isPending} onClick={() => read.mutate()}>
      <span>
        <span className="k-wide-only">{t("common.export")} </span>CSV
      </span>
    </Button>
  );
}

/** A wide table scrolls by keyboard too: its frame takes the focus and says what it is (WCAG 2.1.1). */
export function useScrollable(label: string, of: unknown) {
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (of === undefined) return;
    for (const node of frame.current?.querySelectorAll<HTMLElement>(".ant-table-content, .ant-table-body") ?? []) {
      node.tabIndex = 0;
      node.setAttribute("role", "group");
      node.setAttribute("aria-label", label);
    }
  }, [label, of]);
  return frame;
}
