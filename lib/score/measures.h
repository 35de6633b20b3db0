// What the answers to a benchmark's questions earn.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "metrics/sums.h"
#include "score/box_source.h"
#include "score/join.h"

namespace vega::score {

class CaptionScorer;

// How answers are compared.
struct Matching {
  std::string matcher;     // of benchmark_of(task).matchers
  double threshold = 0.4;  // Multi3DRefer: probability that is gathered
  int threads = 1;
  bool partial = false;
  const CaptionScorer* captions = nullptr;  // of ScanQA and Scan2Cap
  // ScanRefer, frames: a detector's boxes, of which the one that overlaps an answer most stands for
  // it
  BoxSource* proposals = nullptr;
};

// A metric. earned: of each question, in percent; NaN where the question is no part of it.
struct Measure {
  std::string name;
  std::vector<double> earned;
  metrics::SumScore sums;
  std::string missing;  // why there is no value; empty: there is one
};

struct Measured {
  std::string matcher;  // as printed: "official", "t=0.4"
  std::vector<Measure> measures;
  std::vector<Measure> of_groups;  // measures of a group; empty: the ones above
  // Questions by group, in the order in which they are printed.
  std::vector<std::pair<std::string, std::vector<std::size_t>>> groups;
  // Of the same questions, by name: the value of each measure, NaN where there is none.
  std::vector<std::pair<std::string, std::vector<double>>> baselines;
  std::vector<std::string> scenes;  // of each question; empty: not known
  std::vector<std::string> ids;
  std::int64_t unreadable = 0, empty = 0;
  std::optional<std::int64_t> cut;
  std::int64_t of = 0;
  std::vector<std::vector<double>> seeds;  // of several runs: [measure][run] the value; else empty
  Json run;                                // what the answers say about their run; null: nothing
  std::vector<std::string> notes, warnings;  // for the log
};

Measured measure(const Questions& questions, const Matching& matching);

// A share of questions (0 or 100), or a mean of what they earned in percent.
Measure rate(std::string name, std::vector<double> earned);
Measure mean(std::string name, std::vector<double> earned, double most = 100);

// Parts of measure(), a family of tasks each.
void measure_boxes(const Questions& questions, const Matching& matching, Measured& out);
void measure_texts(const Questions& questions, const Matching& matching, Measured& out);
void measure_vsi(const Questions& questions, const Matching& matching, Measured& out);
void measure_pictures(const Questions& questions, const Matching& matching, Measured& out);

}  // namespace vega::score
