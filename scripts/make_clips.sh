#!/usr/bin/env bash
# Makes small video clips: coloured discs that move over scrolling textures, in several codecs and
# containers. Only GStreamer's test sources and encoders are used.
#
#   scripts/make_clips.sh FOLDER
set -euo pipefail

folder=${1:?usage: make_clips.sh FOLDER}
mkdir -p "$folder"

# clip NAME PATTERN SCROLL COLOUR MOTION FRAMES ENCODER MUXER
clip() {
  local name=$1 pattern=$2 scroll=$3 colour=$4 motion=$5 frames=$6 encoder=$7 muxer=$8
  local out="$folder/$name"
  [ -s "$out" ] && return
  # $encoder and $muxer are pieces of a pipeline and have to be split into words.
  # shellcheck disable=SC2086
  gst-launch-1.0 -q \
    compositor name=mix sink_1::width=320 sink_1::height=240 \
      ! video/x-raw,width=320,height=240,framerate=25/1 ! videoconvert ! video/x-raw,format=I420 \
      ! $encoder ! $muxer ! filesink location="$out.part" \
    videotestsrc num-buffers="$frames" pattern="$pattern" horizontal-speed="$scroll" kx2=12 ky2=12 kt=2 \
      ! video/x-raw,width=320,height=240,framerate=25/1 ! videoconvert ! mix.sink_0 \
    videotestsrc num-buffers="$frames" pattern=ball motion="$motion" animation-mode=frames \
        foreground-color="$colour" background-color=0x00000000 \
      ! video/x-raw,format=ARGB,width=160,height=120,framerate=25/1 ! videoconvert ! mix.sink_1
  mv "$out.part" "$out"
}

h264='x264enc bitrate=500 key-int-max=50 bframes=2'
clip pinwheel_h264.mp4     pinwheel    3  0xffff4020 wavy  100 "$h264 ! h264parse" mp4mux
clip checkers_h264.mkv     checkers-8  2  0xff30c0ff wavy  90  "$h264 ! h264parse" matroskamux
clip bars_h264.ts          smpte75    -2  0xff20ff40 wavy  90  "$h264 ! h264parse" mpegtsmux
clip rings_hevc.mp4        circular    1  0xffffd030 wavy  80  'x265enc bitrate=400 key-int-max=40 ! h265parse' mp4mux
clip waves_vp8.webm        zone-plate  2  0xffb060ff wavy  80  'vp8enc deadline=1 target-bitrate=500000' webmmux
clip spokes_vp9.webm       spokes     -3  0xffff60a0 wavy  80  'vp9enc deadline=1 cpu-used=5 target-bitrate=400000' webmmux
clip gradient_mpeg4.avi    gradient    4  0xff40ffb0 wavy  100 'avenc_mpeg4 bitrate=600000 gop-size=25' avimux
clip pinwheel_mjpeg.mov    pinwheel   -4  0xff2040ff wavy  70  'jpegenc quality=80' qtmux
