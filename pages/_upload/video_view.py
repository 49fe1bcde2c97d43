"""Results of a video: player, what each person showed over time, moments, downloads."""

from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fer_core import EMOTIONS
from fer_core.labels import COLORS
from fer_core.system.jobs import Job
from fer_core.system.settings import settings
from fer_core.video import summary
from pages._components.chart import show_chart
from pages._upload import downloads

MOST_PERSONS = 6
MOST_BYTES = 200_000_000
"""Larger videos are not played here: the server would hold them in memory."""

CHART = {"displayModeBar": False, "scrollZoom": False}


def show(job: Job) -> None:
    table = pd.read_parquet(job.folder / "results.parquet")
    errors = table["error"].dropna().unique()
    for error in errors:
        st.warning(str(error))
    table = table[table["error"].isna()]
    copy = next(iter(sorted((job.folder / "annotated").glob("*.mp4"))), None)
    if table.empty:
        return
    persons = summary.persons(table)
    _summary(table, persons)
    player = st.container()
    if persons:
        moments = summary.load_moments(job.folder / "moments")
        _timelines(table, persons, {moment.person: face for moment, face in moments})
        _moments(moments)
        _shares(table)
    else:
        st.info("No face was found in any picture of this video.")
    with player:  # after the charts and moments, which say where to jump
        _player(job, copy)
    downloads.show(job, copy)


def _summary(table: pd.DataFrame, persons: list[int]) -> None:
    read = table["frame"].nunique()
    said = f"{_clock(float(table['time_s'].max()))} read in {read:,} pictures"
    if persons:
        seen = table.loc[table["person"].notna(), "frame"].nunique()
        people = f"{len(persons)} {'person' if len(persons) == 1 else 'persons'}"
        said += f", {people}, a face in {seen / read:.0%} of them".replace("%", " %")
    st.write(said)


def _player(job: Job, copy: Path | None) -> None:
    """The annotated video, or the video itself, from the moment that was clicked."""
    file = copy or job.folder / str(job.details["source"])
    if not file.is_file():
        return
    if file.stat().st_size > MOST_BYTES:
        where = f"; it is {file}" if settings().policy.shows_server else ""
        st.caption(f"The video is too large to be shown here{where}")
        return
    start = float(st.session_state.get("video_jump", 0.0))
    st.video(str(file), start_time=start, autoplay=start > 0, width=800, alt=f"{job.title}")


def _timelines(table: pd.DataFrame, persons: list[int], faces: dict[int, bytes]) -> None:
    st.subheader("Over time", anchor=False)
    st.caption("Click into a chart to play the video from there.")
    for person in persons[:MOST_PERSONS]:
        values = summary.timeline(table, person)
        if len(persons) > 1:
            with st.container(horizontal=True, vertical_alignment="center"):
                if faces.get(person):
                    st.image(faces[person], width=48, alt=f"Face of person {person}")
                st.markdown(f"**Person {person}**")
        event = show_chart(
            _area(values), key=f"timeline-{person}", config=CHART, on_select="rerun",
            selection_mode="points", alt=f"Emotions of person {person} over time",
        )  # fmt: skip
        _jump_to_click(f"timeline-{person}", event)
    if len(persons) > MOST_PERSONS:
        st.caption(f"The {MOST_PERSONS} persons seen longest; the files have all {len(persons)}.")


def _area(values: pd.DataFrame) -> go.Figure:
    figure = go.Figure(
        [
            go.Scatter(
                x=values.index, y=(values[emotion] * 100).round(1), name=emotion, stackgroup="all",
                mode="lines+markers", marker={"size": 9, "opacity": 0},
                line={"width": 0, "color": COLORS[emotion]}, fillcolor=COLORS[emotion],
                hovertemplate="%{y:.0f} %", stackgaps="infer zero",
            )
            for emotion in EMOTIONS
        ]
    )  # fmt: skip
    figure.update_layout(
        height=230, margin={"l": 0, "r": 0, "t": 0, "b": 0}, hovermode="x unified",
        dragmode=False, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0,
                                "traceorder": "normal"},
        clickmode="event+select",
    )  # fmt: skip
    figure.update_xaxes(title="seconds", range=[0, float(values.index.max())])
    figure.update_yaxes(range=[0, 100], ticksuffix=" %")
    return figure


def _jump_to_click(key: str, event: object) -> None:
    """A click on a chart moves the player; each click counts once."""
    points = event["selection"]["points"]
    clicked = points[0]["x"] if points else None
    if clicked is not None and clicked != st.session_state.get(f"clicked-{key}"):
        _jump(float(clicked))
    st.session_state[f"clicked-{key}"] = clicked


def _jump(time_s: float) -> None:
    st.session_state["video_jump"] = time_s


def _moments(found: tuple[tuple[summary.KeyMoment, bytes], ...]) -> None:
    if not found:
        return
    st.subheader("Key moments", anchor=False)
    st.caption("When each emotion of each person was clearest.")
    several = len({moment.person for moment, _ in found}) > 1
    with st.grid(min_column_width=130, gap="small"):
        for number, (moment, picture) in enumerate(found):
            who = f"person {moment.person}, " if several else ""
            share = f"{moment.confidence:.0%}".replace("%", " %")
            with st.container():
                if picture:
                    st.image(picture, alt=f"{moment.emotion} at {_clock(moment.time_s)}", width=120)
                st.caption(f"{who}{moment.emotion} {share}")
                st.button(
                    _clock(moment.time_s), key=f"moment-{number}", icon=":material/play_arrow:",
                    on_click=_jump, args=(moment.time_s,),
                )  # fmt: skip


def _shares(table: pd.DataFrame) -> None:
    st.subheader("Shares", anchor=False)
    shares = summary.shares(table).loc[summary.persons(table)]
    shares.index = [f"person {number}" for number in shares.index]
    percent = st.column_config.NumberColumn(format="%.0f %%")
    st.dataframe(
        shares * 100, column_config=dict.fromkeys(shares.columns, percent),
        alt="Share of each person's time with each emotion",
    )  # fmt: skip
    st.caption("Of the pictures in which the person was seen; visible: of all pictures read.")


def _clock(seconds: float) -> str:
    """``1:05`` or ``1:02:05``."""
    whole = int(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
