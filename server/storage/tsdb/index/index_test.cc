#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>
#include <set>

#include "core/base/bytes.h"
#include "core/base/file.h"
#include "server/storage/tsdb/index/index_reader.h"
#include "server/storage/tsdb/index/index_writer.h"
#include "tests/catch.h"

namespace narthex::tsdb {
namespace {

using SeriesMap = std::map<Labels, std::vector<ChunkMeta>>;

std::string ScratchFile() {
  std::string pattern = (std::filesystem::temp_directory_path() / "nx-index-XXXXXX").string();
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  return pattern + "/index";
}

std::vector<std::string> SymbolsOf(const SeriesMap& series) {
  std::set<std::string> symbols;
  for (const auto& [labels, chunks] : series) {
    for (const Label& l : labels) symbols.emplace(l.name), symbols.emplace(l.value);
  }
  return {symbols.begin(), symbols.end()};
}

std::string Write(const SeriesMap& series, uint64_t postings_bytes = 1 << 20) {
  const std::string path = ScratchFile();
  const std::vector<std::string> symbols = SymbolsOf(series);
  auto writer = IndexWriter::Create(path, symbols, postings_bytes);
  REQUIRE(writer.ok());
  for (const auto& [labels, chunks] : series) REQUIRE((*writer)->AddSeries(labels, chunks).ok());
  REQUIRE((*writer)->Finish().ok());
  std::string bytes = *ReadFile(path);
  std::filesystem::remove_all(std::filesystem::path(path).parent_path());
  return bytes;
}

// 300 values of one label, so that look-ups cross the sampled entries; chunks of odd shapes.
SeriesMap Sample() {
  SeriesMap series;
  std::mt19937 random(7);
  for (int i = 0; i < 300; ++i) {
    const std::string id = std::to_string(i), job = "job" + std::to_string(i % 3);
    const std::string huge(i == 17 ? 20'000 : 1, 'x');
    const Labels labels{{"__name__", i % 2 ? "up" : "down"}, {"id", id}, {"job", job}, {"z", huge}};
    int64_t t = -5000;
    uint64_t ref = random();
    for (unsigned k = random() % 4; k < 4; ++k) {
      const int64_t end = t + static_cast<int64_t>(random() % 10'000);
      series[labels].push_back({ref, t, end});
      t = end + 1 + static_cast<int64_t>(random() % 1000);
      ref = random() % 2 ? ref + 100 : uint64_t{random()} << 32;
    }
  }
  return series;
}

SeriesMap ReadAll(const IndexReader& reader, Status* status) {
  SeriesMap out;
  const auto all = reader.AllPostings();
  if (!all.ok()) return *status = all.status(), out;
  IndexReader::Series series;
  for (uint32_t i = 0; i < all->size(); ++i) {
    *status = reader.ReadSeries((*all)[i], &series);
    if (!status->ok()) return out;
    const auto labels = reader.LabelsOf(series);
    if (!labels.ok()) return *status = labels.status(), out;
    out[*labels] = series.chunks;
  }
  return out;
}

SeriesMap MustReadAll(const std::string& bytes) {
  const auto reader = IndexReader::FromBytes(bytes, "index");
  REQUIRE(reader.ok());
  Status status;
  SeriesMap out = ReadAll(**reader, &status);
  REQUIRE(status.ok());
  return out;
}

TEST_CASE("An index gives back its series, symbols and pairs") {
  const SeriesMap series = Sample();
  const std::string bytes = Write(series);
  REQUIRE((MustReadAll(bytes) == series));
  const auto opened = IndexReader::FromBytes(bytes, "index");
  const IndexReader& reader = **opened;
  CHECK(reader.version() == 2);
  CHECK(*reader.Symbols() == SymbolsOf(series));
  CHECK(reader.LabelNames() == std::vector<std::string_view>{"__name__", "id", "job", "z"});
  CHECK(reader.LabelValueCount("id") == 300);
  CHECK(reader.LabelValueCount("absent") == 0);

  std::map<std::pair<std::string, std::string>, std::set<Labels>> expected;
  for (const auto& [labels, chunks] : series) {
    for (const Label& l : labels)
      expected[{std::string(l.name), std::string(l.value)}].insert(labels);
  }
  IndexReader::Series entry;
  for (const auto& [pair, who] : expected) {
    const auto list = reader.Postings(pair.first, pair.second);
    REQUIRE(list.ok());
    std::set<Labels> found;
    for (uint32_t i = 0; i < list->size(); ++i) {
      REQUIRE(reader.ReadSeries((*list)[i], &entry).ok());
      found.insert(*reader.LabelsOf(entry));
      REQUIRE(*reader.ValueOf((*list)[i], pair.first) == pair.second);
      REQUIRE(list->Seek(0, (*list)[i]) == i);
      REQUIRE(list->Seek(i, (*list)[i] + 1) == i + 1);
    }
    REQUIRE((found == who));
  }
  for (const char* absent : {"", "0x", "30", "zzz"}) {
    CHECK(reader.Postings("id", absent)->size() == (std::string(absent) == "30" ? 1 : 0));
  }
}

TEST_CASE("Values are walked in order, from any place on") {
  const SeriesMap series = Sample();
  const std::string bytes = Write(series);
  const auto reader = IndexReader::FromBytes(bytes, "index");
  std::vector<std::string> all;
  REQUIRE((*reader)
              ->ForEachValue("id",
                             [&](std::string_view v, uint64_t) {
                               all.emplace_back(v);
                               return true;
                             })
              .ok());
  CHECK(all.size() == 300);
  CHECK(std::is_sorted(all.begin(), all.end()));
  for (const std::string from : {"", "0", "1", "15", "150", "2", "2999", "99", "9x"}) {
    std::vector<std::string> some;
    REQUIRE((*reader)
                ->ForEachValueFrom("id", from,
                                   [&](std::string_view v, uint64_t) {
                                     some.emplace_back(v);
                                     return true;
                                   })
                .ok());
    CHECK(some ==
          std::vector<std::string>(std::lower_bound(all.begin(), all.end(), from), all.end()));
  }
}

TEST_CASE("The bytes do not depend on how postings were batched") {
  const SeriesMap series = Sample();
  const std::string bytes = Write(series);
  CHECK(Write(series, 1) == bytes);
  CHECK(Write(series, 300) == bytes);
}

TEST_CASE("Chunks outside of a range are left out") {
  const std::string bytes = Write({{Labels{{"a", "b"}}, {{8, 0, 9}, {50, 10, 19}, {90, 25, 29}}}});
  const auto reader = IndexReader::FromBytes(bytes, "index");
  const uint32_t ref = (*(*reader)->AllPostings())[0];
  const auto refs = [&](int64_t mint, int64_t maxt) {
    IndexReader::Series series;
    REQUIRE((*reader)->ReadSeries(ref, &series, mint, maxt).ok());
    std::vector<uint64_t> out;
    for (const ChunkMeta& c : series.chunks) out.push_back(c.ref);
    return out;
  };
  CHECK(refs(INT64_MIN, INT64_MAX) == std::vector<uint64_t>{8, 50, 90});
  CHECK(refs(9, 10) == std::vector<uint64_t>{8, 50});
  CHECK(refs(20, 24).empty());
  CHECK(refs(29, 29) == std::vector<uint64_t>{90});
}

TEST_CASE("The writer refuses what would make a bad index") {
  const std::vector<std::string> symbols{"a", "b", "c"};
  const auto fresh = [&] { return *IndexWriter::Create(ScratchFile(), symbols, 64); };
  auto writer = fresh();
  CHECK(writer->AddSeries(Labels{{"a", "c"}}, {}).ok());
  CHECK_FALSE(writer->AddSeries(Labels{{"a", "b"}}, {}).ok());   // out of order
  CHECK_FALSE(fresh()->AddSeries(Labels{{"a", "d"}}, {}).ok());  // unknown symbol
  const std::vector<ChunkMeta> chunks{{8, 10, 20}, {9, 15, 30}};
  CHECK_FALSE(fresh()->AddSeries(Labels{{"a", "b"}}, chunks).ok());
  const std::vector<std::string> unsorted{"b", "a"};
  CHECK_FALSE(IndexWriter::Create(ScratchFile(), unsorted, 64).ok());
}

// ---- Version 1: symbols by offset, series not aligned, pairs in any order ----

void PutSection(std::string* file, const std::string& payload) {
  ByteWriter writer(file);
  writer.Be32(static_cast<uint32_t>(payload.size()));
  writer.Bytes(payload);
  writer.Be32(Crc32c(payload));
}

std::string VersionOne(const SeriesMap& series) {
  std::string file;
  ByteWriter out(&file);
  out.Be32(kIndexMagic);
  out.U8(1);
  IndexToc toc;
  toc.symbols = file.size();
  std::string payload;
  ByteWriter symbols(&payload);
  std::map<std::string, uint64_t> offsets;
  const std::vector<std::string> all = SymbolsOf(series);
  symbols.Be32(static_cast<uint32_t>(all.size()));
  for (const std::string& s : all) {
    offsets[s] = toc.symbols + 4 + payload.size();
    symbols.UvarintString(s);
  }
  PutSection(&file, payload);
  toc.series = file.size();
  std::map<std::pair<std::string, std::string>, std::vector<uint32_t>> postings;
  for (const auto& [labels, chunks] : series) {
    std::string entry;
    ByteWriter e(&entry);
    e.Uvarint(labels.size());
    const auto ref = static_cast<uint32_t>(file.size());
    postings[{"", ""}].push_back(ref);
    for (const Label& l : labels) {
      e.Uvarint(offsets[std::string(l.name)]);
      e.Uvarint(offsets[std::string(l.value)]);
      postings[{std::string(l.name), std::string(l.value)}].push_back(ref);
    }
    e.Uvarint(1);
    e.Varint(chunks[0].mint);
    e.Uvarint(static_cast<uint64_t>(chunks[0].maxt - chunks[0].mint));
    e.Uvarint(chunks[0].ref);
    out.Uvarint(entry.size());
    out.Bytes(entry);
    out.Be32(Crc32c(entry));
  }
  std::string table;
  ByteWriter t(&table);
  t.Be32(static_cast<uint32_t>(postings.size()));
  for (auto p = postings.rbegin(); p != postings.rend(); ++p) {
    t.Uvarint(2);
    t.UvarintString(p->first.first);
    t.UvarintString(p->first.second);
    t.Uvarint(file.size());
    std::string list;
    ByteWriter l(&list);
    l.Be32(static_cast<uint32_t>(p->second.size()));
    for (const uint32_t ref : p->second) l.Be32(ref);
    PutSection(&file, list);
  }
  toc.postings_table = file.size();
  PutSection(&file, table);
  std::string end;
  ByteWriter e(&end);
  for (const uint64_t offset :
       {toc.symbols, toc.series, uint64_t{0}, uint64_t{0}, toc.postings, toc.postings_table})
    e.Be64(offset);
  e.Be32(Crc32c(end));
  return file + end;
}

TEST_CASE("Versions 1 and 3 are read") {
  SeriesMap series = Sample();
  for (auto& [labels, chunks] : series) chunks.resize(1);
  const std::string bytes = VersionOne(series);
  CHECK((MustReadAll(bytes) == series));
  const auto reader = IndexReader::FromBytes(bytes, "index");
  CHECK((*reader)->version() == 1);
  CHECK((*reader)->LabelNames() == std::vector<std::string_view>{"__name__", "id", "job", "z"});
  CHECK((*reader)->Postings("job", "job1")->size() == 100);
  CHECK((*reader)->Postings("id", "123")->size() == 1);

  std::string third = Write(series);
  third[4] = 3;
  CHECK((MustReadAll(third) == series));
  third[4] = 4;
  CHECK_FALSE(IndexReader::FromBytes(third, "index").ok());
}

TEST_CASE("A cut off index does not open") {
  SeriesMap series{{Labels{{"a", "b"}}, {{8, 0, 9}}}, {Labels{{"a", "c"}}, {{8, 0, 9}}}};
  const std::string bytes = Write(series);
  for (size_t n = 0; n < bytes.size(); ++n) {
    const auto reader = IndexReader::FromBytes(std::string_view(bytes).substr(0, n), "some/index");
    REQUIRE_FALSE(reader.ok());
    REQUIRE(MessageOf(reader.status()).starts_with("some/index: "));
  }
}

TEST_CASE("A damaged byte is found or changes nothing") {
  SeriesMap series;
  for (int i = 0; i < 40; ++i) {
    series[Labels{{"a", std::to_string(i)}, {"b", "x"}}] = {{8, 0, 9}, {77, 10, 19}};
  }
  const std::string bytes = Write(series);
  size_t found = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      const auto reader = IndexReader::FromBytes(damaged, "index");
      Status status = reader.status();
      if (reader.ok()) {
        const SeriesMap read = ReadAll(**reader, &status);
        const auto list = (*reader)->Postings("a", "7");
        if (status.ok()) status = list.status();
        // Version 2 and version 3 are alike.
        if (status.ok()) REQUIRE((read == series));
      }
      if (!status.ok()) ++found;
    }
  }
  CHECK(found > bytes.size());  // of three times as many; padding is not covered
}

}  // namespace
}  // namespace narthex::tsdb
