import marimo

app = marimo.App(width="medium", app_title="Issue backlog")


@app.cell
def _():
    import os

    import altair as alt
    import duckdb
    import marimo as mo

    return alt, duckdb, mo, os


@app.cell
def _(duckdb, os):
    # A folder; for S3 give DuckDB a secret, or export the tables with `gitpulse export` and attach the file.
    lake = os.environ.get("GITPULSE_LAKE_URL", "../../.gitpulse/lake")
    con = duckdb.connect()

    def table(name):
        """All repositories' rows; the path's keys are left alone, since the files have them too."""
        files = f"{lake}/gold/{name}/*/*/*.parquet"
        return con.read_parquet(files, union_by_name=True, hive_partitioning=False)

    verdicts = table("mart_backlog_verdict")
    flow = table("mart_issue_daily_flow")
    lifecycle = table("mart_issue_lifecycle")
    swings = table("mart_issue_swing_days")
    return flow, lifecycle, swings, verdicts


@app.cell
def _(mo, verdicts):
    names = verdicts.project("repo_owner || '/' || repo_name as name").distinct().order("name").fetchall()
    repository = mo.ui.dropdown([name for (name,) in names], value=names[0][0], label="Repository")
    window = mo.ui.dropdown(["28", "90", "180"], value="90", label="Days")
    mo.hstack([repository, window], justify="start")
    return repository, window


@app.cell
def _(repository, window):
    owner, name = repository.value.split("/")
    of_one = f"repo_owner = '{owner}' and repo_name = '{name}'"
    days = int(window.value)
    return days, of_one


@app.cell
def _(days, mo, of_one, verdicts):
    chosen = verdicts.filter(f"{of_one} and window_days = {days}")
    [(start, end, paragraph)] = chosen.project("window_start_date, window_end_date, paragraph").fetchall()
    mo.md(f"# Is the backlog growing?\n\n{paragraph}")
    return end, start


@app.cell
def _(alt, end, flow, of_one, start):
    in_window = f"{of_one} and flow_date between date '{start}' and date '{end}'"
    stock = flow.filter(in_window).project("cast(flow_date as varchar) as day, open_at_end").order("day")
    alt.Chart(
        alt.Data(values=[dict(zip(stock.columns, row, strict=True)) for row in stock.fetchall()])
    ).mark_line(interpolate="step-after").encode(
        x=alt.X("utcyearmonthdate(day):T", title="UTC day", scale=alt.Scale(type="utc")),
        y=alt.Y("open_at_end:Q", title="open issues", scale=alt.Scale(zero=False)),
        tooltip=["day:N", "open_at_end:Q"],
    ).properties(width=720, height=260, title="Open issues at the end of each day")
    return


@app.cell
def _(end, mo, of_one, start, swings):
    moved = swings.filter(f"{of_one} and flow_date between date '{start}' and date '{end}'").order(
        "abs(net_change) desc"
    )
    rows = moved.project("flow_date, net_change, opened_count, closed_count, issue_numbers").limit(8)
    mo.vstack(
        [
            mo.md("## Of the days that ever moved the backlog most, those of this window"),
            mo.ui.table(
                [dict(zip(rows.columns, row, strict=True)) for row in rows.fetchall()], selection=None
            ),
        ]
    )
    return


@app.cell
def _(lifecycle, mo, of_one):
    waiting = (
        lifecycle.filter(f"{of_one} and is_open and len(assignee_logins) = 0").order("created_at").limit(10)
    )
    oldest = waiting.project("issue_number, title, label_names, comment_count, created_date, html_url")
    mo.vstack(
        [
            mo.md("## Where to act first: the oldest open issues that nobody has"),
            mo.ui.table(
                [dict(zip(oldest.columns, row, strict=True)) for row in oldest.fetchall()], selection=None
            ),
        ]
    )
    return


if __name__ == "__main__":
    app.run()
