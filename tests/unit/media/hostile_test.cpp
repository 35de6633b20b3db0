// Pictures made to cost time or memory. More of them, and .sens files: tests/fuzz/seeds.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <functional>

#include "base/error.h"
#include "fuzz/hostile.h"
#include "media/jpeg.h"
#include "media/png.h"

using namespace vega;
using namespace vega::fuzz;
using Catch::Matchers::Contains;

namespace {

std::span<const std::byte> bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string message(const std::function<void()>& call) {
  try {
    call();
  } catch (const FormatError& error) {
    return error.what();
  }
  return "accepted";
}

// Megabytes that `call` adds to what a child of this process has at its start; -1 if it failed.
double added_mb(const std::function<bool()>& call) {
  const auto peak = [](const std::function<bool()>& work) {
    const pid_t child = fork();
    if (child == 0) _exit(work() ? 0 : 1);
    int status = 0;
    rusage usage{};
    if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0) return -1.0;
    return double(usage.ru_maxrss) / 1024;
  };
  const double base = peak([] { return true; }), most = peak(call);
  return base < 0 || most < 0 ? -1 : most - base;
}

// `chunks` after the header of a good PNG of 2x2.
std::string png_with(const std::string& chunks) {
  const auto plain = encode_png(ImageU8(2, 2));
  std::string out(reinterpret_cast<const char*>(plain.data()), plain.size());
  return out.insert(8 + 25, chunks);
}

std::string deflated_zeros(std::size_t count) {
  const std::string raw(count, 0);
  uLongf size = compressBound(raw.size());
  std::string out(size, 0);
  REQUIRE(compress2(reinterpret_cast<Bytef*>(out.data()), &size,
                    reinterpret_cast<const Bytef*>(raw.data()), raw.size(), 9) == Z_OK);
  out.resize(size);
  return out;
}

}  // namespace

TEST_CASE("A JPEG of very many scans is refused") {
  for (const int most : {0, 10, 99}) {  // after the first scan
    const auto file = many_scans_jpeg(16, 16, std::size_t(most));
    CHECK(decode_jpeg(bytes(file), "many.jpg").size() == ImageSize{16, 16});
  }
  for (const int many : {100, 5000}) {
    const auto file = many_scans_jpeg(16, 16, std::size_t(many));
    CHECK_THAT(message([&] { decode_jpeg(bytes(file), "many.jpg"); }),
               Contains("many.jpg") && Contains("more than 100 scans") && Contains("baseline"));
    CHECK(jpeg_size(bytes(file)) == ImageSize{16, 16});  // the header alone costs nothing
  }
}

TEST_CASE("Pictures that so few bytes cannot hold take no memory") {
  const auto jpeg = many_scans_jpeg(16000, 16000, 0).substr(0, 300);
  CHECK_THAT(message([&] { decode_jpeg(bytes(jpeg), "big.jpg"); }),
             Contains("big.jpg") && Contains("16000x16000 pixels in 300 bytes"));
  const std::string header = big(16000, 4) + big(16000, 4);
  for (const char* kind : {"\x08\x02", "\x10\x00"}) {
    const auto png = "\x89PNG\r\n\x1a\n" +
                     png_chunk("IHDR", header + std::string(kind, 2) + std::string(3, 0)) +
                     png_chunk("IDAT", deflated_zeros(100)) + png_chunk("IEND", "");
    const bool depth = kind[0] == '\x10';
    const auto read = [&] {
      return message([&] {
        if (depth) {
          decode_png16(bytes(png), "big.png");
        } else {
          decode_png(bytes(png), "big.png");
        }
      });
    };
    CHECK_THAT(read(), Contains("big.png") && Contains("16000x16000 pixels in"));
    const double added = added_mb([&] { return read() != "accepted"; });
    CHECK(added >= 0);
    CHECK(added < 16);
  }
}

// The largest pictures of one colour that their formats can make are no bombs.
TEST_CASE("Flat pictures are read however small their files are") {
  const ImageU8 black(4096, 4096);
  CHECK(decode_png(bytes({reinterpret_cast<const char*>(encode_png(black).data()),
                          encode_png(black).size()}),
                   "flat.png")
            .rgb == black.rgb);
  CHECK(decode_jpeg(encode_jpeg(black), "flat.jpg").rgb == black.rgb);
  const auto progressive = many_scans_jpeg(4096, 4096, 0);
  CHECK(decode_jpeg(bytes(progressive), "flat.jpg").size() == black.size());
}

TEST_CASE("Texts and profiles of a PNG are skipped, never inflated") {
  const std::string bomb = deflated_zeros(7'900'000);
  std::string chunks = png_chunk("iCCP", std::string("p\0\0", 3) + bomb);
  for (int i = 0; i < 20; ++i) {
    chunks += png_chunk("zTXt", std::string("k\0\0", 3) + bomb) +
              png_chunk("iTXt", std::string("k\0\1\0\0\0", 6) + bomb);
  }
  const auto png = png_with(chunks);
  const double added = added_mb([&] {
    return decode_png(bytes(png), "text.png").size() == ImageSize{2, 2};
  });
  CHECK(added >= 0);
  CHECK(added < 16);  // inflated, they are 324 MB
  auto broken = png_with(png_chunk("tEXt", "hello"));
  broken[broken.find("hello")] = 'H';
  CHECK_THAT(message([&] { decode_png(bytes(broken), "text.png"); }), Contains("CRC"));
}
