#include "media/video/input.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdarg>
#include <cstring>
#include <fstream>
#include <mutex>
#include <utility>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/log.h>
}

#include "base/error.h"
#include "base/file_kind.h"
#include "base/log.h"
#include "media/image.h"

namespace vega {

namespace {

// What libav said last on this thread: better words than its error codes.
thread_local std::string last_words;

// libav's log, from warnings upwards, goes to the log's debug level.
void on_log(void* context, int level, const char* format, va_list args) {
  if (level > AV_LOG_WARNING) return;
  char line[512];
  int prefix = 1;
  av_log_format_line2(context, level, format, args, line, sizeof line, &prefix);
  std::string text(line);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  if (text.empty()) return;
  log_debug("{}", text);
  const std::size_t start = text.rfind("] ");
  if (level <= AV_LOG_ERROR) last_words = start == text.npos ? text : text.substr(start + 2);
}

void start_libav() {
  static std::once_flag once;
  std::call_once(once, [] { av_log_set_callback(on_log); });
  last_words.clear();
}

template <typename T>
T* must(T* p) {
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

FileKind kind_of(const std::filesystem::path& path) {
  std::vector<std::byte> head(kFileKindBytes);
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(head.data()), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(file.gcount()));
  return file_kind(head);
}

AvPtr<AVFormatContext> open_format(const std::filesystem::path& path) {
  std::error_code code;
  const std::string where = path.string();
  if (std::filesystem::is_directory(path, code)) {
    throw InputError(explain(where, "a folder", "a video file"));
  }
  const auto bytes = std::filesystem::file_size(path, code);
  if (code) {
    throw InputError(explain(where, "cannot be read (" + code.message() + ")", "a video file"));
  }
  if (bytes == 0) throw FormatError(explain(where, "an empty file", "a video file"));
  // Only files, never what a playlist inside may point to.
  AVDictionary* options = nullptr;
  av_dict_set(&options, "protocol_whitelist", "file", 0);
  AVFormatContext* opened = nullptr;
  int status = avformat_open_input(&opened, ("file:" + where).c_str(), nullptr, &options);
  av_dict_free(&options);
  AvPtr<AVFormatContext> format(opened);
  const bool text = status == 0 && std::strcmp(format->iformat->name, "tty") == 0;
  if (status == 0 && !text) status = avformat_find_stream_info(format.get(), nullptr);
  if (status < 0 || text) {
    const FileKind kind = kind_of(path);
    throw FormatError(
        explain(where, text ? kind.name : fmt::format("{} ({})", kind.name, libav_reason(status)),
                "a video file, complete",
                kind.remedy.empty() ? "copy or export it again, or check that it is a video at all"
                                    : kind.remedy));
  }
  return format;
}

// The stream that was asked for; of cover pictures only when asked for by number.
int choose_stream(const AVFormatContext& format, int wanted, const std::string& where) {
  std::string videos;
  int first = -1;
  for (unsigned i = 0; i < format.nb_streams; ++i) {
    if (format.streams[i]->codecpar->codec_type != AVMEDIA_TYPE_VIDEO) continue;
    videos += fmt::format("{}{}", videos.empty() ? "" : ", ", i);
    const bool cover = (format.streams[i]->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
    if (first < 0 && !cover) first = static_cast<int>(i);
    if (wanted == static_cast<int>(i)) return wanted;
  }
  if (wanted >= 0) {
    throw InputError(explain(
        where, fmt::format("stream {}", wanted),
        videos.empty() ? "a file with a video stream" : "one of its video streams: " + videos));
  }
  if (first < 0) {
    throw FormatError(
        explain(where, fmt::format("no video stream among {} stream(s)", format.nb_streams),
                "a file with a video stream", videos.empty() ? "" : "it has only a cover picture"));
  }
  return first;
}

}  // namespace

void AvDeleter::operator()(AVCodecContext* p) const { avcodec_free_context(&p); }
void AvDeleter::operator()(AVFormatContext* p) const { avformat_close_input(&p); }
void AvDeleter::operator()(AVFrame* p) const { av_frame_free(&p); }
void AvDeleter::operator()(AVPacket* p) const { av_packet_free(&p); }

std::string libav_reason(int code) {
  char text[AV_ERROR_MAX_STRING_SIZE] = "unknown error";
  if (code < 0) av_strerror(code, text, sizeof text);
  std::string reason = code < 0 ? text : "";
  if (!last_words.empty()) reason += (reason.empty() ? "" : ": ") + last_words;
  last_words.clear();
  return reason.empty() ? "damaged data" : reason;
}

VideoInput::VideoInput(const std::filesystem::path& path, int stream) : where_(path.string()) {
  start_libav();
  format_ = open_format(path);
  index_ = choose_stream(*format_, stream, where_);
  for (unsigned i = 0; i < format_->nb_streams; ++i) {
    if (static_cast<int>(i) != index_) format_->streams[i]->discard = AVDISCARD_ALL;
  }
  packet_.reset(must(av_packet_alloc()));
  open_decoder();
}

void VideoInput::open_decoder() {
  const AVCodecParameters& par = *stream().codecpar;
  const std::string where = fmt::format("{}: stream {}", where_, index_);
  const AVCodec* codec = avcodec_find_decoder(par.codec_id);
  if (codec == nullptr) {
    throw FormatError(explain(where, fmt::format("codec {}", avcodec_get_name(par.codec_id)),
                              "one that the installed libavcodec decodes",
                              "convert it, for example to H.264"));
  }
  if (par.width < 1 || par.height < 1 || std::int64_t{par.width} * par.height > kMostPixels) {
    throw FormatError(explain(where, fmt::format("{}x{} pixels", par.width, par.height),
                              "a picture of 1 to 2^28 pixels"));
  }
  decoder_.reset(must(avcodec_alloc_context3(codec)));
  int status = avcodec_parameters_to_context(decoder_.get(), &par);
  decoder_->thread_count = 1;
  decoder_->max_pixels = kMostPixels;
  decoder_->pkt_timebase = stream().time_base;
  // H.264 marks the frames that it conceals; the others must be told to report. (With H.264 that
  // would refuse good pictures for a broken note beside them.)
  if (par.codec_id != AV_CODEC_ID_H264) decoder_->err_recognition |= AV_EF_EXPLODE;
  if (status >= 0) status = avcodec_open2(decoder_.get(), codec, nullptr);
  if (status < 0) {
    throw FormatError(explain(where, "a decoder that does not start (" + libav_reason(status) + ")",
                              "a stream that libavcodec decodes"));
  }
}

const AVStream& VideoInput::stream() const { return *format_->streams[index_]; }

AVPacket* VideoInput::read() {
  if (std::exchange(again_, false)) return packet_.get();
  read_error_.clear();
  for (;;) {
    av_packet_unref(packet_.get());
    const int status = av_read_frame(format_.get(), packet_.get());
    if (status < 0) {
      const bool broken = status != AVERROR_EOF || (format_->pb != nullptr && format_->pb->error);
      if (broken) read_error_ = libav_reason(status);
      return nullptr;
    }
    if (packet_->stream_index == index_) return packet_.get();
  }
}

double VideoInput::read_all_streams() {
  for (unsigned i = 0; i < format_->nb_streams; ++i)
    format_->streams[i]->discard = AVDISCARD_DEFAULT;
  double latest = 0;
  for (;;) {
    av_packet_unref(packet_.get());
    if (av_read_frame(format_.get(), packet_.get()) < 0) return latest;
    const std::int64_t pts = packet_->pts != AV_NOPTS_VALUE ? packet_->pts : packet_->dts;
    const AVRational base = format_->streams[packet_->stream_index]->time_base;
    if (pts != AV_NOPTS_VALUE)
      latest = std::max(latest, static_cast<double>(pts + packet_->duration) * av_q2d(base));
  }
}

bool VideoInput::seek(std::int64_t timestamp) {
  flush();
  again_ = false;
  return av_seek_frame(format_.get(), index_, timestamp, AVSEEK_FLAG_BACKWARD) >= 0;
}

int VideoInput::send(const AVPacket* packet) {
  last_words.clear();
  return avcodec_send_packet(decoder_.get(), packet);
}

Decoded VideoInput::receive(AVFrame& frame, int* code) {
  *code = avcodec_receive_frame(decoder_.get(), &frame);
  if (*code >= 0) return Decoded::kFrame;
  if (*code == AVERROR(EAGAIN)) return Decoded::kNeedsPacket;
  return *code == AVERROR_EOF ? Decoded::kEnd : Decoded::kError;
}

void VideoInput::flush() { avcodec_flush_buffers(decoder_.get()); }

}  // namespace vega
