"""Results of a video: verdict, player, key moments, each person's emotions over time."""

from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fer_core import EMOTIONS
from fer_core.labels import COLORS
from fer_core.recognition import results
from fer_core.system.jobs import Job
from fer_core.system.settings import settings
from fer_core.system.text import counted, markdown
from fer_core.video import summary
from fer_core.video.formats import ANIMATIONS, PLAYABLE
from pages._components.chart import show_chart
from pages._components.share_bar import share_bar

MOST_PERSONS = 6
MOST_BYTES = 200_000_000
"""Larger videos are not played here: the server would hold them in memory."""


def annotated_copy(job: Job) -> Path | None:
    """Return the annotated copy of the video, if there is one."""
    return next(iter(sorted((job.folder / "annotated").glob("*.mp4"))), None)


def show(job: Job) -> None:
    """Show the results of a finished job."""
    table = pd.read_parquet(job.folder / "results.parquet")
    for error in table["error"].dropna().unique():
        st.warning(markdown(str(error)))
    table = table[table["error"].isna()]
    if table.empty:
        return
    persons = summary.persons(table)
    moments = summary.load_moments(job.folder / "moments")
    portraits = {key.person: portrait for key, portrait in moments}
    _show_verdicts(table, persons, portraits)
    left, right = st.columns([3, 2], gap="medium") if moments else (st.container(), st.container())
    if persons:
        with right:
            _show_moments(moments)
        _show_timelines(table, persons, portraits)
    with left:  # after the charts and moments, which set the time to jump to
        _show_player(job, annotated_copy(job))


def _show_verdicts(table: pd.DataFrame, persons: list[int], portraits: dict[int, bytes]) -> None:
    """Show in a sentence and a bar what each person's face shows."""
    frames = table["frame"].nunique()
    text = f"{counted(frames, 'frame')} ({_clock(float(table['time_s'].max()))})"
    if not persons:
        st.info("No face was detected in this video.")
        st.caption(text)
        return
    visible = table.loc[table["person"].notna(), "frame"].nunique()
    people = f"{len(persons)} {'person' if len(persons) == 1 else 'people'}"
    shares = summary.shares(table)
    for person in persons[:MOST_PERSONS]:
        row = shares.loc[person]
        with st.container(horizontal=True, vertical_alignment="center", wrap=False):
            if len(persons) > 1 and portraits.get(person):
                st.image(portraits[person], width=64, alt=f"Face of person {person}")
            with st.container(gap="small"):
                verdict = summary.verdict(row)
                name = f"Person {person}: {verdict}" if len(persons) > 1 else verdict.capitalize()
                st.markdown(f"**{name}**")
                st.html(share_bar(row[list(EMOTIONS)].to_dict(), float(row["uncertain"])))
    st.caption(
        f"{text}, {people}, face visible in {visible / frames:.0%} of the frames. A bar shows "
        "shares, the largest first, not the course of time."
    )
    with st.expander("Shares as a table"):
        _show_shares(shares.loc[persons])
    with st.popover("Columns of the files", icon=":material/help:", type="tertiary"):
        st.markdown(results.meanings(without="label"))


def _show_player(job: Job, copy: Path | None) -> None:
    """Play the annotated video, or the video itself, from the selected moment on."""
    file = copy or job.folder / str(job.details["source"])
    if not file.is_file():
        return
    if file.stat().st_size > MOST_BYTES:
        path = f"; it is {file}" if settings().policy.shows_server else ""
        st.caption(f"The video is too large to be shown here{path}")
    elif file.suffix.lower() in ANIMATIONS:
        st.image(str(file), alt=job.title)
    elif file.suffix.lower() not in PLAYABLE:
        st.caption(
            f"Browsers do not play {file.suffix} files. Turn on *Annotated video* to see it here."
        )
    else:
        start = float(st.session_state.get("video_jump", 0.0))
        st.video(str(file), start_time=start, autoplay=start > 0, alt=job.title)


def _show_timelines(table: pd.DataFrame, persons: list[int], portraits: dict[int, bytes]) -> None:
    st.subheader("Emotion over time", anchor=False)
    st.caption("Tap or click into the chart to play the video from there.")
    for person in persons[:MOST_PERSONS]:
        values = summary.timeline(table, person)
        if len(persons) > 1:
            with st.container(horizontal=True, vertical_alignment="center"):
                if portraits.get(person):
                    st.image(portraits[person], width=48, alt=f"Face of person {person}")
                st.markdown(f"**Person {person}**")
        event = show_chart(
            _area(values), key=f"timeline-{person}", on_select="rerun",
            selection_mode="points", alt=f"Emotions of person {person} over time",
            rows=f"A row is the average of one of at most {summary.STEPS} steps of the video; "
            "the CSV has a row for each analysed frame.",
        )  # fmt: skip
        _jump_to_click(f"timeline-{person}", event)
    if len(persons) > MOST_PERSONS:
        st.caption(f"The {MOST_PERSONS} people visible longest; the files have all {len(persons)}.")


def _area(values: pd.DataFrame) -> go.Figure:
    figure = go.Figure(
        [
            go.Scatter(
                x=values.index, y=(values[emotion] * 100).round(1), name=emotion, stackgroup="all",
                mode="lines+markers", marker={"size": 9, "opacity": 0},
                line={"width": 0, "color": COLORS[emotion]}, fillcolor=COLORS[emotion],
                hovertemplate="%{y:.0f}%", stackgaps="infer zero",
            )
            for emotion in EMOTIONS
        ]
    )  # fmt: skip
    figure.update_layout(
        height=260, margin={"l": 0, "r": 0, "t": 0, "b": 0}, hovermode="x unified",
        dragmode=False, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0,
                                "traceorder": "normal"},
        clickmode="event+select",
    )  # fmt: skip
    figure.update_xaxes(
        title="Time", ticksuffix=" s", hoverformat=".2f", range=[0, float(values.index.max())]
    )
    figure.update_yaxes(title="Probability", range=[0, 100], ticksuffix="%", hoverformat=".1f")
    return figure


def _jump_to_click(key: str, event: object) -> None:
    """Move the player to a click on a chart; each click counts once."""
    points = event["selection"]["points"]
    clicked = points[0]["x"] if points else None
    if clicked is not None and clicked != st.session_state.get(f"clicked-{key}"):
        _jump(float(clicked))
    st.session_state[f"clicked-{key}"] = clicked


def _jump(time_s: float) -> None:
    st.session_state["video_jump"] = time_s


def _show_moments(moments: tuple[tuple[summary.KeyMoment, bytes], ...]) -> None:
    if not moments:
        return
    st.markdown("**Key moments**", help="Where each emotion of each person is most probable.")
    has_several = len({key_moment.person for key_moment, _ in moments}) > 1
    with st.grid(min_column_width=110, gap="small"):
        for number, (key_moment, portrait) in enumerate(moments):
            who = f"person {key_moment.person}, " if has_several else ""
            time = _clock(key_moment.time_s)
            with st.container(gap="xsmall"):
                if portrait:
                    st.image(portrait, alt=f"{key_moment.emotion} at {time}", width=104)
                st.caption(f"{who}{key_moment.emotion} {key_moment.confidence:.0%}")
                st.button(
                    time, key=f"moment-{number}", icon=":material/play_arrow:",
                    on_click=_jump, args=(key_moment.time_s,), help="Play from here",
                )  # fmt: skip


def _show_shares(shares: pd.DataFrame) -> None:
    shares.index = [f"person {number}" for number in shares.index]
    percent = st.column_config.NumberColumn(format="%.0f%%")
    st.dataframe(
        shares * 100, column_config=dict.fromkeys(shares.columns, percent),
        alt="Share of each person's frames with each emotion",
    )  # fmt: skip
    st.caption("Of the frames that show the person's face; visible: of all analysed frames.")


def _clock(seconds: float) -> str:
    """Return seconds as ``1:05`` or ``1:02:05``."""
    minutes, second = divmod(int(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"
