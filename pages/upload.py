"""Photos and video: every face with its emotion, as images, tables and files."""

from pathlib import Path

import streamlit as st

from fer_core.images.limits import MAX_JPEG_PIXELS, MAX_PIXELS
from fer_core.system.settings import settings
from pages._components import notify
from pages._components.detector import show_detector
from pages._components.model import choose_head, model_card, notice
from pages._upload import jobs_view, photos_view, start_job, visitor_jobs
from pages._upload.photos import Options, Upload, analyse, analyses, outdated, remove

EXAMPLE = Path(__file__).parent.parent / "docs" / "images" / "astronaut.jpg"
JOBS = tuple(jobs_view.TABS.values())
SOURCES = ("Photos", "Camera", *JOBS)
STORED = "Only analyses that you start are stored, as described above."
TYPES = ["image", "heic", "heif", "avif", "jfif"]  # the latter are not known to every browser


def clear() -> None:
    analyses().clear()
    st.session_state["photo_example"] = False
    for field in ("files", "camera"):
        st.session_state.pop(f"{field}-{widget_round()}", None)
    st.session_state["photo_round"] = widget_round() + 1


def widget_round() -> int:
    """Return a part of the upload widgets' keys: a new round empties them."""
    return st.session_state.setdefault("photo_round", 0)


def try_example() -> None:
    st.session_state["photo_example"] = True


def choose_photos(source: str) -> list[Upload]:
    """Show the upload field or the camera; return its photos, and the example."""
    files = (
        upload_field()
        if source == "Photos"
        else [st.camera_input("Snapshot", key=f"camera-{widget_round()}", width=640)]
    )
    uploads = [Upload(file.file_id, file.name, file.getvalue) for file in files if file]
    if st.session_state.get("photo_example"):
        uploads.append(Upload("example", EXAMPLE.name, EXAMPLE.read_bytes))
    return uploads


def upload_field() -> list:
    key = f"files-{widget_round()}"
    stayed = key in st.session_state  # False on coming back from another page: the field is empty
    files = st.file_uploader(
        "Drop, paste or choose photos",
        type=TYPES,
        accept_multiple_files=True,
        key=key,
        help=f"JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP or GIF, up to {MAX_PIXELS // 1_000_000} "
        f"megapixels each; JPEG up to {MAX_JPEG_PIXELS // 1_000_000}, at a reduced scale. Of a "
        "GIF the first frame is read. To paste an image, move here with the Tab key first.",
    )
    keys = {file.file_id for file in files}
    if stayed:
        remove(st.session_state.get("photo_files", set()) - keys)
    st.session_state["photo_files"] = keys
    return files


def choose_options(source: str) -> Options:
    """Show the settings; return the options chosen."""
    with st.popover("Settings", icon=":material/tune:"):
        head = choose_head(card)
        is_crop = source != "Video" and st.toggle(
            "Photos are face crops",
            key="is_crop",
            persist_state="session",
            help="For images that show one tightly cut face and nothing else, such as FER-2013's "
            "48×48 pixels. No face is detected then.",
        )
        show_detector()
    return Options(card, head, is_crop)


def show_jobs(source: str, options: Options) -> None:
    """Start a video or many files, and list the analyses of this visitor."""
    jobs_view.show_list()
    if source == "Video":
        start_job.video(options.head)
    else:
        start_job.files(options.head, options.is_crop)
    notice(STORED)


def show_results(options: Options) -> None:
    stored = analyses()
    photos = {key: analysis.photo for key, analysis in stored.items()}
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        st.subheader(photos_view.summary(list(photos.values())), anchor=False, width="content")
        st.button("Clear", on_click=clear, icon=":material/delete:")
    st.caption(
        f"By the label set *{options.model.heads[options.head].title}*, each face averaged with "
        "its mirror image. Results are lost when you clear them or reload this page: download them "
        "before."
    )
    current = {key for key, analysis in stored.items() if analysis.options == options}
    if len(current) < len(stored):
        again = outdated(options)
        st.caption(
            ":material/info: Some results belong to another model or other settings than those "
            f"chosen now.{'' if again else ' Add these photos again to analyse them again.'}"
        )
        if again and st.button("Analyse them again", icon=":material/refresh:"):
            analyse(again, options)
            st.rerun()
    photos_view.show_errors(list(photos.values()))
    if len(photos) > 1:
        photos_view.show_table(list(photos.values()))
    photos_view.show_cards(photos, options.head, current)
    if len(photos) == 1:
        photos_view.show_table(list(photos.values()))


def show_photos(source: str, options: Options) -> None:
    """Take photos, and show the results of this visit."""
    with st.container():  # the progress that it shows at times moves nothing below
        analyse(choose_photos(source), options)
    if analyses():
        show_results(options)
    else:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("Try an example photo", on_click=try_example, icon=":material/image:")
    notice()


def source_title(source: str) -> str:
    """Return the name of a source; on public links no folder can be named."""
    return source if settings().policy.shows_server else source.removesuffix(" or folder")


def show_source() -> None:
    """Let the visitor choose what to analyse, and show what came of it."""
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        source = st.segmented_control(
            "Source", SOURCES, default="Photos", required=True, key="way", format_func=source_title,
            label_visibility="collapsed", persist_state="session",
        )  # fmt: skip
        options = choose_options(source)
    (show_jobs if source in JOBS else show_photos)(source, options)


card = model_card()
st.title("Photos and video", anchor=False)
visitor_jobs.tidy()
notify.show()
if job := visitor_jobs.opened():
    notice(f"Kept for {settings().job_hours} hours, or until you delete it.")
    jobs_view.show_job(job)
else:
    show_source()
