// Sentences about rooms: every one is decided again by tests/ref/room_words_ref.h, from the boxes
// and from what meanings.jsonl says of it.
#include "synth/dataset/annotations.h"

#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "ref/room_words_ref.h"
#include "support/support.h"
#include "synth/dataset/dataset_tokenizer.h"
#include "synth/dataset/phrases.h"
#include "text/tokenizer.h"

namespace vega::synth {
namespace {

using nlohmann::json;

RoomFacts facts_of(std::uint64_t seed, const std::string& scene, RoomKind kind = RoomKind::kStudy) {
  const Room room(seed, kind);
  RoomFacts out{scene, {}};
  for (const RoomObject& o : room.objects())
    out.things.push_back({o.id, o.label, o.colour, o.box_min, o.box_max, 0.02});
  return out;
}

json objects_json(const RoomFacts& room) {
  json out = json::array();
  for (const Thing& t : room.things) {
    out.push_back({{"id", t.id}, {"label", t.label}, {"min", t.low}, {"max", t.high}});
    if (t.is_shape()) out.back()["colour"] = t.colour;
  }
  return out;
}

// Twelve rooms: two of test, two of val.
const std::vector<DatasetRoom>& rooms() {
  static const auto made = [] {
    std::vector<DatasetRoom> out(12);
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i].split = i < 2 ? Split::kTest : i < 4 ? Split::kVal : Split::kTrain;
      out[i].facts = facts_of(100 + i, "scene00" + std::to_string(10 + i) + "_00");
      out[i].texts = texts_of(out[i].facts, 7, 40);
    }
    return out;
  }();
  return made;
}

std::string text_of(const std::vector<TextFile>& files, const std::string& path) {
  for (const TextFile& file : files)
    if (file.path == path) return file.text;
  FAIL("no file " << path);
  return {};
}

// Twelve stacked rooms to train with, and descriptions by place.
const std::vector<DatasetRoom>& stacked_rooms() {
  static const auto made = [] {
    std::vector<DatasetRoom> out(12);
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i].split = Split::kTrain;
      out[i].facts =
          facts_of(200 + i, "scene00" + std::to_string(30 + i) + "_00", RoomKind::kStacked);
      out[i].texts = texts_of(out[i].facts, 7, 64, ScanReferTexts::kSpace);
    }
    return out;
  }();
  return made;
}

std::vector<json> meanings(const std::vector<DatasetRoom>& of = rooms()) {
  std::istringstream in(text_of(annotation_files(of), "meanings.jsonl"));
  std::vector<json> out;
  for (std::string line; std::getline(in, line);) out.push_back(json::parse(line));
  return out;
}

// Words of a text that name things or colours, plurals as singulars.
std::set<std::string> names_in(const std::string& text) {
  static const std::set<std::string> kNames = {
      "red",        "yellow",  "green",        "blue",     "purple",  "black",
      "box",        "ball",    "cylinder",     "cone",     "door",    "window",
      "sofa",       "cabinet", "bookshelf",    "armchair", "lamp",    "radiator",
      "television", "bed",     "refrigerator", "toilet",   "bathtub", "guitar",
      "machine",    "stove",   "bicycle",      "suitcase", "piano"};
  std::set<std::string> out;
  for (std::string word : words_of(text)) {
    if (word.ends_with("xes")) word.resize(word.size() - 2);
    if (word.ends_with('s')) word.pop_back();
    if (kNames.contains(word)) out.insert(word);
  }
  return out;
}

void add_kind(const json& kind, std::set<std::string>& out) {
  for (const char* member : {"label", "colour"})
    if (kind.contains(member))
      for (const std::string& name : names_in(kind[member])) out.insert(name);
}

std::set<std::string> names_of(const json& meaning) {
  std::set<std::string> out;
  const json& description = meaning.contains("of") ? meaning["of"] : meaning;
  add_kind(description["head"], out);
  for (const json& kind : description.value("anchors", json::array())) add_kind(kind, out);
  for (const char* member : {"view"})
    if (description.contains(member)) add_kind(description[member], out);
  for (const char* member : {"to", "other"})
    if (meaning.contains(member)) add_kind(meaning[member], out);
  return out;
}

// Relations and sides that the words of a text name.
std::set<std::string> relations_in(const std::string& text) {
  static const std::map<std::string, std::string> kWords = {
      {"closest", "nearest"},   {"nearest", "nearest"},
      {"farthest", "farthest"}, {"between", "between"},
      {"left", "left"},         {"right", "right"},
      {"front", "front"},       {"behind", "behind"},
      {"largest", "largest"},   {"biggest", "largest"},
      {"smallest", "smallest"}, {"tallest", "tallest"},
      {"highest", "highest"},   {"on", "on"}};
  // Where things stand, or where someone has them, is another "on".
  static const std::set<std::string> kNoPlace = {"floor", "another", "my"};
  std::set<std::string> out;
  const std::vector<std::string> words = words_of(text);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto at = kWords.find(words[i]);
    if (at == kWords.end()) continue;
    const bool no_place = words[i] == "on" && i + 2 < words.size() &&
                          (kNoPlace.contains(words[i + 1]) || kNoPlace.contains(words[i + 2]));
    if (!no_place) out.insert(at->second);
  }
  return out;
}

}  // namespace

TEST_CASE("texts: every sentence and every answer is true of its room", "[dataset]") {
  std::map<std::string, ref::RoomWords> words;
  for (const DatasetRoom& room : rooms())
    words.emplace(room.facts.scene, ref::RoomWords(objects_json(room.facts)));
  std::map<std::string, int> count;
  for (const json& line : meanings()) {
    INFO(line.dump());
    const std::string why = words.at(line["scene"]).why(line);
    CHECK(why == "");
    ++count[line["benchmark"]];
    ++count["ask " + line["meaning"].value("ask", "none")];
    ++count["relation " + line["meaning"].value("relation", "none")];
    ++count[line.value("eval_type", "")];
  }
  for (const char* benchmark : {"scanrefer", "multi3drefer", "nr3d", "scanqa", "sqa3d"}) {
    INFO(benchmark);
    // Of the test rooms there are Nr3D and SQA3D alone.
    const bool everywhere = std::string(benchmark) == "nr3d" || std::string(benchmark) == "sqa3d";
    CHECK(count[benchmark] == (everywhere ? 12 : 10) * 40);
  }
  for (const char* ask :
       {"colour", "shape", "count", "parity", "exists", "on side", "turn", "nearer", "larger"})
    CHECK(count["ask " + std::string(ask)] > 5);
  for (const auto& relation : relation_names()) {
    INFO(relation.name);
    const bool stacked = relation.value == Relation::kOn || relation.value == Relation::kHighest;
    CHECK((count["relation " + std::string(relation.name)] > 5) == !stacked);
  }
  for (const char* type : {"zt_wo_d", "zt_w_d", "st_wo_d", "st_w_d", "mt"}) CHECK(count[type] > 20);
}

TEST_CASE("texts: plain descriptions name shape and colour alone, each in four wordings",
          "[dataset]") {
  std::size_t things = 0;
  for (const DatasetRoom& room : rooms()) {
    const auto plain = texts_of(room.facts, 7, 200, ScanReferTexts::kPlain).scanrefer;
    std::map<int, std::set<std::string>> wordings;
    for (const Reference& one : plain) {
      REQUIRE(one.ids.size() == 1);
      CHECK(one.description.relation == Relation::kNone);
      CHECK(relations_in(one.text).empty());
      const Thing& referent = room.facts.things[one.ids[0]];
      CHECK(names_in(one.text) == std::set<std::string>{referent.label, referent.colour});
      wordings[one.ids[0]].insert(one.text);
      int shape = 0, colour = 0, both = 0;  // others
      for (const Thing& other : room.facts.things) {
        if (other.id == referent.id || !other.is_shape()) continue;
        shape += other.label == referent.label;
        colour += other.colour == referent.colour;
        both += other.label == referent.label && other.colour == referent.colour;
      }
      CHECK(shape > 0);
      CHECK(colour > 0);
      CHECK(both == 0);
    }
    for (const auto& [id, texts] : wordings) CHECK(texts.size() == 4);
    things += wordings.size();
    // Cut after the first wording of all.
    const auto few = texts_of(room.facts, 7, wordings.size(), ScanReferTexts::kPlain).scanrefer;
    std::set<int> named;
    for (const Reference& one : few) named.insert(one.ids[0]);
    CHECK(named.size() == wordings.size());
  }
  CHECK(things == rooms().size() * 6);  // the others have a double
}

TEST_CASE("texts: by place alone one of several like things is meant", "[dataset]") {
  std::map<std::string, int> count, wrong;
  for (const DatasetRoom& room : stacked_rooms()) {
    const ref::RoomWords words(objects_json(room.facts));
    for (json line : meanings({room})) {
      INFO(line.dump());
      CHECK(words.why(line) == "");
      if (line["benchmark"] != "scanrefer") continue;
      const json& meaning = line["meaning"];
      const std::string relation = meaning["relation"];
      ++count[relation];
      CHECK(relations_in(line["text"]) == std::set<std::string>{relation});
      CHECK(names_in(line["text"]) == names_of(meaning));
      const Kind head{meaning["head"].value("label", ""), meaning["head"].value("colour", "")};
      CHECK(!head.label.empty());
      CHECK(things_of(room.facts, head).size() > 1);
      // Another thing of the same kind is not meant.
      for (const Thing* other : things_of(room.facts, head)) {
        if (line["referents"][0] == other->id) continue;
        line["referents"][0] = other->id;
        ++wrong[words.why(line)];
        break;
      }
    }
  }
  for (const char* relation :
       {"nearest", "farthest", "between", "left", "right", "front", "behind", "on", "highest"}) {
    INFO(relation);
    CHECK(count[relation] > 12);
  }
  CHECK(count.size() == 9);
  CHECK(wrong.size() == 1);
  CHECK(wrong.contains("other referents"));
}

TEST_CASE("texts: a false sentence is found out", "[dataset]") {
  const std::map<std::string, RoomFacts> facts = [] {
    std::map<std::string, RoomFacts> out;
    for (const DatasetRoom& room : rooms()) out[room.facts.scene] = room.facts;
    return out;
  }();
  std::map<std::string, int> found, tried;
  for (json line : meanings()) {
    const ref::RoomWords words(objects_json(facts.at(line["scene"])));
    const std::string kind = line["benchmark"];
    if (line["meaning"].contains("ask")) {
      const std::string answer = line["answers"][0];
      static const std::map<std::string, std::string> kWrong = {
          {"yes", "no"},     {"no", "yes"},   {"left", "right"},
          {"right", "left"}, {"odd", "even"}, {"even", "odd"}};
      const auto at = kWrong.find(answer);
      line["answers"] = {at == kWrong.end() ? answer + " x" : at->second};
    } else if (line["referents"].empty()) {
      line["referents"] = {20};
    } else {
      line["referents"][0] = line["referents"][0].get<int>() - 1;
    }
    ++tried[kind];
    found[kind] += !words.why(line).empty();
  }
  CHECK(tried.size() == 5);
  CHECK(found == tried);
}

TEST_CASE("texts: the words are those of the meaning", "[dataset]") {
  std::set<std::string> texts;
  for (const json& line : meanings()) {
    INFO(line.dump());
    const json& meaning = line["meaning"];
    const std::string text = line["text"];
    CHECK(names_in(text) == names_of(meaning));
    const json& description = meaning.contains("of") ? meaning["of"] : meaning;
    std::set<std::string> wanted;
    if (description.contains("relation")) wanted.insert(description["relation"]);
    if (meaning.contains("side")) wanted.insert(meaning["side"]);
    auto said = relations_in(text);
    if (meaning.value("ask", "") == "turn") said.erase("left"), said.erase("right");
    CHECK(said == wanted);
    if (!meaning.contains("situation")) continue;
    const json& s = meaning["situation"];
    std::set<std::string> names;
    add_kind(s["by"], names);
    add_kind(s["facing"], names);
    CHECK(names_in(line["situation"]) == names);
    const std::string situation = line["situation"];
    std::set<std::string> sides = relations_in(situation);
    if (situation.find("with my back to") != situation.npos) sides.insert("behind");
    CHECK(sides == std::set<std::string>{s["by_side"]});
  }
}

TEST_CASE("texts: answers are balanced, things are spoken of about equally often", "[dataset]") {
  std::map<std::string, std::map<std::string, int>> answers;  // by question
  std::map<std::string, int> spoken;
  for (const json& line : meanings()) {
    if (line["meaning"].contains("ask")) {
      const std::string ask =
          line["benchmark"].get<std::string>() + " " + line["meaning"]["ask"].get<std::string>();
      ++answers[ask][line["answers"][0]];
    } else if (line["benchmark"] == "nr3d") {
      ++spoken[line["scene"].get<std::string>() + line["referents"].dump()];
    }
  }
  for (const char* ask : {"scanqa exists", "sqa3d exists", "sqa3d on side"}) {
    INFO(ask);
    CHECK(std::abs(answers[ask]["yes"] - answers[ask]["no"]) <= 12);
  }
  CHECK(std::abs(answers["sqa3d turn"]["left"] - answers["sqa3d turn"]["right"]) <= 12);
  CHECK(spoken.size() > 12 * 13);
  for (const auto& [thing, count] : spoken) CHECK(count <= 5);
}

TEST_CASE("texts: what is not seen is not spoken of", "[dataset]") {
  RoomFacts room = facts_of(100, "scene0000_00");
  std::vector<int> hidden;
  for (Thing& thing : room.things)
    if (thing.is_shape() && thing.id % 3 == 0) thing.seen = kSeen / 2, hidden.push_back(thing.id);
  REQUIRE(hidden.size() >= 4);
  const RoomTexts texts = texts_of(room, 7, 40);
  const auto check = [&](const std::vector<int>& ids) {
    for (const int id : ids) CHECK(std::find(hidden.begin(), hidden.end(), id) == hidden.end());
  };
  for (const auto* list : {&texts.scanrefer, &texts.multi3drefer, &texts.nr3d}) {
    CHECK(!list->empty());
    for (const Reference& one : *list) check(one.ids);
  }
  for (const auto* list : {&texts.scanqa, &texts.sqa3d}) {
    CHECK(!list->empty());
    for (const Question& one : *list) check(one.ids);
  }
}

TEST_CASE("texts: a function of room and seed", "[dataset]") {
  const auto files = annotation_files(rooms());
  std::vector<DatasetRoom> again(rooms().begin() + 4, rooms().begin() + 6);
  for (DatasetRoom& room : again) room.texts = texts_of(room.facts, 7, 40);
  // The rooms come in their order, so that the first 80 elements are those of these two.
  const std::string path = "benchmark/scanqa/ScanQA_v1.0_train.json";
  const std::string all = text_of(files, path), two = text_of(annotation_files(again), path);
  CHECK(two.size() > 5000);
  CHECK(all.substr(0, two.size() - 4) == two.substr(0, two.size() - 4));
  const RoomTexts other = texts_of(again[0].facts, 8, 40);
  CHECK(other.scanqa[0].text + other.scanqa[1].text + other.scanqa[2].text !=
        again[0].texts.scanqa[0].text + again[0].texts.scanqa[1].text +
            again[0].texts.scanqa[2].text);
  for (const std::size_t most : {1U, 5U}) {
    const RoomTexts few = texts_of(again[0].facts, 7, most);
    CHECK(few.scanrefer.size() == most);
    CHECK(few.multi3drefer.size() == most);
    CHECK(few.nr3d.size() == most);
    CHECK(few.scanqa.size() == most);
    CHECK(few.sqa3d.size() == most);
  }
}

TEST_CASE("texts: the tokeniser that they teach knows their words", "[dataset]") {
  const test::TempFolder temp;
  const std::size_t size = write_tokenizer(temp.path(), rooms(), 600);
  CHECK(size == 604);
  const auto words = text::Tokenizer::open(temp.path());
  CHECK(words.size() == 604);
  CHECK(words.id_of("<|im_end|>") == 602);
  CHECK(words.id_of("\n") == 198);
  std::size_t bytes = 0, tokens = 0;
  for (const DatasetRoom& room : rooms()) {
    if (room.split != Split::kVal) continue;  // not learnt from
    for (const Question& one : room.texts.sqa3d) {
      const auto ids = words.encode(one.situation->text, text::Control::kText);
      CHECK(words.decode(ids, false) == one.situation->text);
      bytes += one.situation->text.size(), tokens += ids.size();
    }
  }
  CHECK(tokens > 0);
  CHECK(bytes > 4 * tokens);  // most words are one token
  CHECK(words.encode(" cylinder", text::Control::kText).size() == 1);
  // Of the training rooms alone, and of all where there are none of these.
  const auto texts = conversation_texts(rooms());
  const std::vector<DatasetRoom> held(rooms().begin(), rooms().begin() + 4);
  CHECK(std::find(texts.begin(), texts.end(), "assistant\n") != texts.end());
  CHECK(conversation_texts(held).size() > 4 * 200);
  CHECK(texts.size() > conversation_texts(held).size());
}

TEST_CASE("texts: with VSI-Bench's questions the tokeniser is one for Qwen2.5-VL", "[dataset]") {
  const test::TempFolder temp;
  std::vector<DatasetRoom> asked(rooms().end() - 1, rooms().end());
  REQUIRE(asked[0].split == Split::kTrain);
  const std::size_t before = conversation_texts(asked).size();
  VsiQuestion question;
  question.text = "How many green boxes are there?";
  question.answer = "2";
  asked[0].texts.vsi = {question};
  const auto texts = conversation_texts(asked);
  CHECK(texts.size() == before + 2);
  CHECK(std::ranges::find(texts, "2") != texts.end());
  CHECK(std::ranges::any_of(texts, [](const std::string& text) {
    return text.find("How many green boxes are there?\nPlease answer") != std::string::npos;
  }));
  CHECK(write_tokenizer(temp.path(), asked, 300) == 309);
  const auto words = text::Tokenizer::open(temp.path());
  CHECK(words.id_of("<image>") == 303);
  CHECK(words.id_of("<|vision_start|>") == 304);
  CHECK(words.id_of("<|image_pad|>") == 307);
}

TEST_CASE("phrases: nouns and numbers", "[dataset]") {
  CHECK(noun({"box", "red"}, true) == "red boxes");
  CHECK(noun({"", "red"}) == "red object");
  CHECK(with_article("armchair") == "an armchair");
  CHECK(with_article("red cone") == "a red cone");
  CHECK(number_word(0) == "zero");
  CHECK(number_word(20) == "twenty");
  CHECK(number_word(21) == "21");
  CHECK(words_of("a red cone. it is") ==
        std::vector<std::string>{"a", "red", "cone", ".", "it", "is"});
}

}  // namespace vega::synth
