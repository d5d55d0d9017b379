#include <random>
#include <string>

#include "core/compress/gzip.h"
#include "core/compress/snappy.h"
#include "core/compress/zstd.h"
#include "tests/catch.h"

namespace narthex {
namespace {

constexpr size_t kPlenty = 64 << 20;

std::string Text(size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) {
    text += "http_requests_total{code=\"200\"} " + std::to_string(i) + "\n";
  }
  text.resize(size);
  return text;
}

std::string Noise(size_t size) {
  std::mt19937 random(7);
  std::string noise;
  for (size_t i = 0; i < size; ++i) noise.push_back(static_cast<char>(random()));
  return noise;
}

const std::string kInputs[] = {
    "", "a", Text(1000), Text(300'000), Noise(200'000), std::string(1'000'000, 'x')};

using Codec = std::pair<std::string (*)(std::string_view),
                        Status (*)(std::string_view, size_t, std::string*)>;
const Codec kCodecs[] = {
    {[](std::string_view s) { return GzipCompress(s); }, GzipDecompress},
    {[](std::string_view s) { return ZlibCompress(s); }, DeflateDecompress},
    {[](std::string_view s) { return SnappyCompress(s); }, SnappyDecompress},
    {[](std::string_view s) { return SnappyFramedCompress(s); }, SnappyFramedDecompress},
    {[](std::string_view s) { return ZstdCompress(s); }, ZstdDecompress},
};

TEST_CASE("Every codec returns what went in, at exactly the limit and not below") {
  for (const auto& [compress, decompress] : kCodecs) {
    for (const std::string& input : kInputs) {
      std::string out = "left over";
      std::string packed = compress(input);
      REQUIRE(decompress(packed, kPlenty, &out).ok());
      CHECK((out == input));
      REQUIRE(decompress(packed, input.size(), &out).ok());
      CHECK((out == input));
      if (input.empty()) continue;
      Status status = decompress(packed, input.size() - 1, &out);
      CHECK(status.code() == StatusCode::kResourceExhausted);
    }
  }
}

TEST_CASE("Every codec refuses truncated and damaged input") {
  std::string input = Text(5000);
  for (const auto& [compress, decompress] : kCodecs) {
    std::string packed = compress(input);
    std::string out;
    for (size_t cut : {size_t{1}, packed.size() / 2, packed.size() - 1}) {
      Status status = decompress(packed.substr(0, cut), kPlenty, &out);
      CHECK(status.code() == StatusCode::kInvalidArgument);
    }
  }
}

TEST_CASE("gzip errors use Go's words") {
  std::string good = GzipCompress(Text(5000));
  auto message = [](std::string_view input) {
    std::string out;
    return std::string(MessageOf(GzipDecompress(input, kPlenty, &out)));
  };
  CHECK(message("") == "EOF");
  CHECK(message("not gzip at all, really not") == "gzip: invalid header");
  CHECK(message(good.substr(0, good.size() - 5)) == "unexpected EOF");
  CHECK(message(good.substr(0, good.size() / 2)) == "unexpected EOF");
  std::string bad_sum = good;
  bad_sum[bad_sum.size() - 6] ^= 1;
  CHECK(message(bad_sum) == "gzip: invalid checksum");
  std::string bad_data = good;
  for (size_t i = 12; i < 40; ++i) bad_data[i] = '\xff';
  CHECK(message(bad_data).starts_with("flate: corrupt input before offset "));
  CHECK(message(good + "trailing garbage here").starts_with("gzip: invalid header"));
}

TEST_CASE("Several gzip members read as one") {
  std::string a = Text(1000), b = Noise(100'000), c = "c";
  std::string packed = GzipCompress(a) + GzipCompress(b) + GzipCompress("") + GzipCompress(c);
  std::string out;
  REQUIRE(GzipDecompress(packed, kPlenty, &out).ok());
  CHECK((out == a + b + c));
  CHECK_FALSE(GzipDecompress(packed, a.size() + b.size(), &out).ok());
}

TEST_CASE("A gzip member that lies about its size costs no memory") {
  std::string packed = GzipCompress("tiny");
  packed[packed.size() - 1] = '\x7f';  // claims 2 GB
  std::string out;
  CHECK_FALSE(GzipDecompress(packed, size_t{4} << 30, &out).ok());
  CHECK(out.capacity() < 1 << 20);
}

TEST_CASE("A snappy block that lies about its size costs no memory") {
  std::string out;
  Status status = SnappyDecompress("\xff\xff\xff\xff\x07 abc", size_t{4} << 30, &out);
  CHECK(MessageOf(status) == "snappy: corrupt input");
  CHECK(out.capacity() < 1 << 20);
}

TEST_CASE("Raw deflate is accepted where zlib is promised") {
  std::string raw, out;
  DeflateStream stream(DeflateFormat::kRaw);
  stream.Write(Text(5000), &raw);
  stream.Finish(&raw);
  REQUIRE(DeflateDecompress(raw, kPlenty, &out).ok());
  CHECK((out == Text(5000)));
}

TEST_CASE("Streams of every format round-trip in pieces") {
  std::string input = Text(200'000);
  for (DeflateFormat format : {DeflateFormat::kGzip, DeflateFormat::kZlib, DeflateFormat::kRaw}) {
    DeflateStream deflate(format, 1);
    std::string packed;
    for (size_t at = 0; at < input.size(); at += 7001) {
      deflate.Write(std::string_view(input).substr(at, 7001), &packed);
    }
    deflate.Finish(&packed);
    for (size_t step : {size_t{1}, size_t{1000}, packed.size()}) {
      InflateStream inflate(format, input.size());
      std::string out;
      for (size_t at = 0; at < packed.size(); at += step) {
        REQUIRE(inflate.Write(std::string_view(packed).substr(at, step), &out).ok());
      }
      CHECK(inflate.Finish().ok());
      CHECK((out == input));
    }
  }
}

TEST_CASE("Flush makes all of it readable") {
  DeflateStream deflate(DeflateFormat::kGzip);
  InflateStream inflate(DeflateFormat::kGzip, kPlenty);
  for (std::string line : {"data: 1\n\n", "data: 2\n\n"}) {
    std::string packed, out;
    deflate.Write(line, &packed);
    deflate.Flush(&packed);
    REQUIRE(inflate.Write(packed, &out).ok());
    CHECK(out == line);
  }
  CHECK(MessageOf(inflate.Finish()) == "unexpected EOF");
}

TEST_CASE("The stream decoder stops at its limit") {
  std::string bomb = GzipCompress(std::string(10'000'000, '\0'));
  InflateStream inflate(DeflateFormat::kGzip, 1000);
  std::string out;
  CHECK(inflate.Write(bomb, &out).code() == StatusCode::kResourceExhausted);
  CHECK(out.size() <= 1001);
}

TEST_CASE("A snappy block made piece by piece") {
  std::string all;
  SnappyBlockBuilder whole;
  for (const size_t pieces : {0, 1, 7, 3000}) {
    SnappyBlockBuilder part;
    for (size_t i = 0; i < pieces; ++i) {
      std::string piece(i * 7 % 211, 'x');
      for (size_t k = 0; k < piece.size(); k += 3) piece[k] = static_cast<char>(i + k);
      all += piece;
      part.Append(piece);
    }
    CHECK(part.held() <= all.size() + all.size() / 6 + 2 * 65536);
    whole.Append("head");
    all.insert(all.size() - part.size(), "head");
    whole.Append(&part);
    CHECK(part.size() == 0);
  }
  CHECK(whole.size() == all.size());
  std::string out;
  REQUIRE(SnappyDecompress(whole.Finish(), kPlenty, &out).ok());
  CHECK(out == all);
  CHECK(whole.Finish() == std::string(1, '\0'));  // the empty block
}

TEST_CASE("Framed snappy: chunk types") {
  std::string stream = SnappyFramedCompress("hello");
  std::string out;
  std::string id = stream.substr(0, 10);
  // Padding and reserved skippable chunks, and a repeated identifier, are passed over.
  std::string padded = id + std::string("\xfe\x03\x00\x00...", 7) + id +
                       std::string("\x80\x01\x00\x00.", 5) + stream.substr(10);
  REQUIRE(SnappyFramedDecompress(padded, kPlenty, &out).ok());
  CHECK(out == "hello");
  auto message = [](const std::string& input) {
    std::string ignored;
    return std::string(MessageOf(SnappyFramedDecompress(input, kPlenty, &ignored)));
  };
  CHECK(message(id + std::string("\x02\x00\x00\x00", 4)) == "snappy: unsupported input");
  CHECK(message(stream.substr(10)) == "snappy: corrupt input");
  CHECK(message(stream.substr(0, stream.size() - 1)) == "unexpected EOF");
  std::string flipped = stream;
  flipped.back() ^= 1;
  CHECK(message(flipped) == "snappy: corrupt input");
}

}  // namespace
}  // namespace narthex
