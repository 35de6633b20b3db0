// One video stream of a file, opened by libav: packets in, frames out, each resource with an owner.
// Behind media/video/video.h; nothing else uses it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "media/video/video.h"

struct AVCodecContext;  // libav's, all five
struct AVFormatContext;
struct AVFrame;
struct AVPacket;
struct AVStream;

namespace vega {

struct AvDeleter {
  void operator()(AVCodecContext* p) const;
  void operator()(AVFormatContext* p) const;
  void operator()(AVFrame* p) const;
  void operator()(AVPacket* p) const;
};
template <typename T>
using AvPtr = std::unique_ptr<T, AvDeleter>;

// "reason (what libav last said on this thread)"; forgets the latter. code: libav's error.
std::string libav_reason(int code);

// What became of one try to get a decoded frame.
enum class Decoded { kFrame, kNeedsPacket, kEnd, kError };

// Demuxer and decoder of one stream. libav runs on the caller's thread alone, so that an error
// belongs to the packet that was given last.
class VideoInput {
 public:
  // Throws as Video does. stream: -1 for the first video stream that is no cover picture.
  VideoInput(const std::filesystem::path& path, int stream);

  const AVStream& stream() const;
  const AVFormatContext& format() const { return *format_; }
  const std::string& where() const { return where_; }  // the path, for messages

  // The next packet of the stream, or null at the end (read_error says why there is no more:
  // empty where the file simply ends). Valid until the next call.
  AVPacket* read();
  // Reads the packets of all streams from here on, for good: the end of the latest, in seconds; 0
  // where none has a time.
  double read_all_streams();
  // The next read() gives the last packet again.
  void unread() { again_ = true; }

  const std::string& read_error() const { return read_error_; }

  // Asks the demuxer for the key frame at or before the timestamp (stream time base) and forgets
  // what the decoder holds. False: the demuxer cannot.
  bool seek(std::int64_t timestamp);

  // Gives a packet (null: there are no more) to the decoder. 0, or libav's error code.
  int send(const AVPacket* packet);

  // The next frame in presentation order; *code is libav's on kError.
  Decoded receive(AVFrame& frame, int* code);

  void flush();

 private:
  void open_decoder();

  std::string where_;
  AvPtr<AVFormatContext> format_;
  AvPtr<AVCodecContext> decoder_;
  AvPtr<AVPacket> packet_;
  int index_ = -1;
  bool again_ = false;
  std::string read_error_;
};

// What the headers say of the stream.
VideoInfo video_info(const VideoInput& input);

}  // namespace vega
