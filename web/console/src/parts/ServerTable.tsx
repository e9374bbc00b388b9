import { App, Button, Empty, Select, Table, type TableProps } from "antd";
import { DownloadOutlined, LeftOutlined, ReloadOutlined, RightOutlined } from "@ant-design/icons";
import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { csvOf, download } from "../lib/csv";
import { useProblemText } from "../lib/problems";
import { useTexts } from "../lib/texts";
import { ProblemNote } from "./basics";

export interface Page<Row> {
  data: Row[];
  next_cursor?: string | null;
}

interface Props<Row> {
  /** What is listed; with the filters, the query's key. */
  name: readonly unknown[];
  /** Says to who cannot see it which table this is. */
  label: string;
  load: (ask: { limit: number; cursor?: string }, signal: AbortSignal) => Promise<Page<Row>>;
  columns: NonNullable<TableProps<Row>["columns"]>;
  rowKey: (row: Row) => string;
  empty?: ReactNode;
  filters?: ReactNode;
  /** Asked for again so often, in milliseconds. */
  everyMs?: number;
  expandable?: TableProps<Row>["expandable"];
  /** The list has an export of the server's own elsewhere on the page. */
  hasExport?: boolean;
}

/** Rows of one export, and of one page of it: whoever wants more narrows the list. */
const EXPORT_ROWS = 20_000;
const EXPORT_PAGE = 200;
/** The longest that one page of it is waited for. */
const EXPORT_MS = 30_000;
const SIZES = [20, 50, 100, 200];

/** A list that the server pages: back and forth by its cursors, as many rows as wanted. */
export function ServerTable<Row extends object>({ name, label, load, columns, rowKey, empty, filters, everyMs, expandable, hasExport = false }: Props<Row>) {
  const { t } = useTexts();
  const [size, setSize] = useState(SIZES[0] as number);
  const key = JSON.stringify([name, size]);
  const [trail, setTrail] = useState<{ key: string; cursors: string[] }>({ key, cursors: [] });
  // Another question starts on its first page.
  const cursors = trail.key === key ? trail.cursors : [];
  const cursor = cursors.at(-1);
  const found = useQuery({
    queryKey: [...name, "page", size, cursor ?? null],
    queryFn: ({ signal }) => load({ limit: size, ...(cursor === undefined ? {} : { cursor }) }, signal),
    placeholderData: keepPreviousData,
    ...(everyMs === undefined ? {} : { refetchInterval: everyMs }),
  });
  const frame = useScrollable(label, found.data);
  const next = found.data?.next_cursor;
  return (
    <section aria-label={label}>
      {filters && <div className="k-filters">{filters}</div>}
      {found.error && <ProblemNote error={found.error} retry={() => void found.refetch()} />}
      <div ref={frame}>
        <Table<Row>
          className="k-table"
          size="middle"
          columns={columns}
          dataSource={found.data?.data ?? []}
          rowKey={rowKey}
          loading={found.isPending || found.isPlaceholderData}
          pagination={false}
          scroll={{ x: "max-content" }}
          locale={{ emptyText: found.error ? " " : <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={empty ?? t("common.nothing")} /> }}
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
        {!hasExport && <Export label={label} load={load} />}
        <span className="k-num">{t("table.page", { page: cursors.length + 1 })}</span>
        <Button icon={<LeftOutlined aria-hidden />} aria-label={t("table.previous")} disabled={cursors.length === 0} onClick={() => setTrail({ key, cursors: cursors.slice(0, -1) })} />
        <Button icon={<RightOutlined aria-hidden />} aria-label={t("table.next")} disabled={!next} onClick={() => next && setTrail({ key, cursors: [...cursors, next] })} />
      </nav>
    </section>
  );
}

/** Reads the whole list, page by page, and hands it over as CSV. */
function Export<Row extends object>({ label, load }: Pick<Props<Row>, "label" | "load">) {
  const { t } = useTexts();
  const { message } = App.useApp();
  const text = useProblemText();
  const read = useMutation({
    mutationFn: async () => {
      const rows: Row[] = [];
      let cursor: string | undefined;
      do {
        // oxlint-disable-next-line no-await-in-loop -- each page says where the next one begins
        const page = await load({ limit: EXPORT_PAGE, ...(cursor === undefined ? {} : { cursor }) }, AbortSignal.timeout(EXPORT_MS));
        rows.push(...page.data);
        cursor = page.next_cursor ?? undefined;
      } while (cursor !== undefined && rows.length < EXPORT_ROWS);
      download(`${label}.csv`, csvOf(rows));
      return cursor !== undefined;
    },
    onSuccess: (isCut) => isCut && message.warning(t("table.export_cut", { count: EXPORT_ROWS })),
    onError: (thrown) => void message.error(text(thrown)),
  });
  return (
    <Button type="text" icon={<DownloadOutlined aria-hidden />} loading={read.isPending} onClick={() => read.mutate()}>
      CSV<span className="visually-hidden"> {t("common.export_csv")}</span>
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
