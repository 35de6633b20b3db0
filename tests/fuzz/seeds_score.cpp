// Seeds of the readers of answers and annotations. The first byte chooses the benchmark.
#include "fuzz/seeds.h"

namespace vega::fuzz {

void add_answers_seeds(const SeedFolder& seeds) {
  const auto add = [&](const std::string& name, char task, const std::string& text) {
    seeds.add("answers", name, std::string(1, task) + text);
  };
  const std::string box = "[1,2,3,1,1,1]";
  add("ok-scanrefer", '\0',
      R"({"dataset":"scanrefer","sample_id":0,"pred_response":)" + box + R"(,"gt_response":)" +
          box + R"(,"question_type":"unique"})" + "\n" +
          R"({"sample_id":1,"pred_response":[],"gt_response":[1,2,3,1,1,1],"question_type":"multiple"})");
  add("ok-multi3drefer", '\1',
      R"({"sample_id":0,"scores":[0.5,0.25,0.1],"objects":[)" + box + "," + box +
          R"(],"gt_response":[)" + box + R"(],"question_type":"st_w_d"})" + "\n");
  add("ok-sqa3d", '\2',
      "{\"sample_id\":220602000000,\"pred_response\":\"a chair\",\"gt_response\":\"chair\"}\r\n"
      "{\"sample_id\":\"b\",\"pred_response\":\"\\ud83d\",\"gt_response\":\"TV\",\"cut\":true}"
      "\r\n");
  add("ok-vsi", '\3',
      R"({"doc_id":0,"doc":{"id":7,"scene_name":"s","question_type":"object_counting","ground_truth":"3"},"filtered_resps":[["4"]]})"
      "\n"
      R"({"id":8,"question_type":"route_planning","options":["A. x"],"ground_truth":"A","prediction":"A."})");
  add("ok-scanqa", '\4',
      R"({"sample_id":"scanqa_val-scene0011_00-0_0","pred_response":"x","gt_response":["x","y"]})");
  add("ok-scan2cap", '\5',
      R"({"sample_id":0,"scene":"scene0011_00","pred_response":"","gt_response":["a"]})");
  add("ok-nr3d", '\6', R"({"sample_id":0,"pred_response":"5","stimulus_id":"s-chair-2-1-2"})");
  add("ok-libero", '\7',
      "Task suite: libero_goal\n\nTask: push\nStarting episode 1...\nSuccess: True\n"
      "# episodes completed so far: 1\nTotal episodes: 1\nTotal successes: 1\n");
  add("ok-libero-lines", '\7',
      R"({"suite":"libero_10","task":"t","episode":0,"seed":7,"success":true,"error":null})");
  add("ok-libero-csv", '\7',
      "suite,task,episode,success\nlibero_10,t,0,True\nlibero_90,t,1,False\n");
  add("bad-nan", '\0',
      R"({"sample_id":0,"pred_response":[1,2,NaN,1,1,1],"gt_response":[1,2,3,1,1,1]})");
  add("bad-extent", '\0',
      R"({"sample_id":0,"pred_response":[1,2,3,1,-1,1],"gt_response":[1,2,3,1,1,1]})");
  add("bad-twice", '\2',
      "{\"sample_id\":1,\"pred_response\":\"a\",\"gt_response\":\"a\"}\n"
      "{\"sample_id\":1,\"pred_response\":\"a\",\"gt_response\":\"a\"}\n");
  add("bad-utf8", '\2', "{\"sample_id\":1,\"pred_response\":\"\xff\",\"gt_response\":\"a\"}\n");
  add("bad-no-truth", '\2', "{\"sample_id\":1,\"pred_response\":\"a\"}\n");
  add("bad-scores", '\1',
      R"({"sample_id":0,"scores":[0.5],"objects":[[1,2,3,1,1,1]],"gt_response":[]})");
  add("bad-empty", '\4', "\n\n");
  add("bad-type", '\3', R"({"id":8,"question_type":"none","ground_truth":"A","prediction":"A."})");
  add("bad-zero", '\3',
      R"({"id":8,"question_type":"object_counting","ground_truth":"0","prediction":"1"})");
}

void add_questions_seeds(const SeedFolder& seeds) {
  const auto add = [&](const std::string& name, char task, const std::string& text) {
    seeds.add("questions", name, std::string(1, task) + text);
  };
  add("ok-scanrefer", '\0',
      R"([{"scene_id":"scene0011_00","object_id":"1","object_name":"chair","ann_id":"0","description":"a chair"}])");
  add("ok-multi3drefer", '\1',
      R"([{"scene_id":"scene0011_00","object_ids":[0,1],"object_name":"chair","ann_id":0,"eval_type":"mt","description":"chairs"},)"
      R"({"scene_id":"scene0011_00","object_ids":[],"ann_id":1,"eval_type":"zt_w_d","description":"none"}])");
  add("ok-scan2cap", '\2',
      R"([{"scene_id":"scene0011_00","object_id":"1","object_name":"chair","ann_id":"0","description":"a chair"},)"
      R"({"scene_id":"scene0011_00","object_id":"1","object_name":"chair","ann_id":"1","description":"brown"}])");
  add("ok-scanqa", '\3',
      R"([{"question_id":"val-scene0011_00-0","scene_id":"scene0011_00","answers":["brown","2"]}])");
  add("ok-sqa3d", '\4',
      R"({"annotations":[{"question_id":1,"scene_id":"scene0011_00","answers":[{"answer":"left"}]}]})");
  add("ok-nr3d", '\5',
      "stimulus_id,tokens,mentions_target_class\n"
      "s-chair-2-1-2,\"['the', \"\"left\"\"]\",True\ns-desk-1-4,['a'],False\n");
  add("ok-vsi", '\6',
      R"({"id":0,"scene_name":"s","question_type":"object_counting","ground_truth":"3","options":null})");
  add("ok-processed", '\0',
      R"([{"id":0,"video":"scannet/scene0011_00","conversations":[{},{"value":"x"}],"box":[1,2,3,1,1,1],"metadata":{"question_type":"unique"}}])");
  add("ok-processed-caption", '\2',
      R"([{"id":0,"video":"scannet/scene0011_00","conversations":[{},{}],"annotations":["a"],"box_input":null,"metadata":{}}])");
  add("ok-processed-answers", '\3',
      R"([{"id":"scanqa_val-scene0011_00-0_0","conversations":[{},{}],"metadata":{"answers":["x"]}}])");
  add("bad-no-answers", '\3',
      R"([{"question_id":"test-scene0700_00-0","scene_id":"scene0700_00"}])");
  add("bad-object", '\0',
      R"([{"scene_id":"scene0011_00","object_id":"9","object_name":"chair","ann_id":"0","description":"a"}])");
  add("bad-twice", '\4',
      R"({"annotations":[{"question_id":1,"scene_id":"s","answers":[{"answer":"a"}]},{"question_id":1,"scene_id":"s","answers":[{"answer":"a"}]}]})");
  add("bad-quote", '\5', "stimulus_id,tokens,mentions_target_class\n\"s-chair-2-1-2,x,True\n");
  add("bad-stimulus", '\5', "stimulus_id,tokens,mentions_target_class\ns-chair-2-1,['x'],True\n");
  add("bad-form", '\1', R"({"a":1})");
}

void add_prepare_seeds(const SeedFolder& seeds) {
  // task + 8 * split: train, val, test
  const auto add = [&](const std::string& name, char first, const std::string& text) {
    seeds.add("prepare", name, std::string(1, first) + text);
  };
  const std::string row =
      R"({"scene_id":"scene0011_00","object_id":"1","object_name":"chair","ann_id":"0","eval_type":"unique","description":"A \u00c9 chair \ud83d"})";
  add("ok-scanrefer", 8, "[" + row + ",7," + row + "]");
  add("ok-multi3drefer", 9,
      R"([{"scene_id":"scene0011_00","object_ids":[0,9],"ann_id":0,"eval_type":"mt","description":"chairs"}])");
  add("ok-scan2cap-train", 2, "[" + row + "]");
  add("ok-scan2cap", 10, "[" + row + "," + row + "]");
  add("ok-scan2cap-test", 18, "[" + row + "]");
  add("ok-scanqa", 3,
      R"([{"question_id":"q","scene_id":"scene0011_00","question":"a?","answers":["b","2"]}])");
  add("ok-sqa3d", 4,
      R"({"questions":[{"question_id":1,"question":" What?","situation":"I.","alternative_situation":["You."]}],)"
      R"("annotations":[{"question_id":1,"scene_id":"scene0011_00","answers":[{"answer":"left"}]}]})");
  add("ok-nr3d", 13,
      "assignmentid,stimulus_id,utterance,tokens,mentions_target_class\n"
      "7,s-chair-2-1-0,the LEFT one,\"['the', 'left']\",True\n8,s-desk-1-4,x,['a'],False\n");
  add("ok-processed", 8,
      R"([{"id":0,"video":"scannet/s","conversations":[{"value":"<image>a","from":"human"},{"value":"<ground>","from":"gpt"}],)"
      R"("box":[1,2,3,1,1,1],"metadata":{"dataset":"scanrefer","question_type":"unique","ann_id":"0","object_id":"1"}},{"id":1}])");
  add("ok-boxes", 0, R"({"scannet/scene0011_00":[[1,2,3,1,1,1]],"scannet/b":[[NaN]]})");
  add("bad-boxes", 0, R"({"scannet/b":[[1,2,3,1,-1,1]],"scannet/scene0011_00":7})");
  add("bad-cut", 8, "[" + row + ",{\"scene_id\":\"");
  add("bad-form", 8, "7");
  add("bad-lists", 4, R"({"annotations":[]})");
  add("bad-quote", 13, "stimulus_id,tokens,mentions_target_class\n\"s-chair-2-1-2,x,True\n");
}

void add_rows_seeds(const SeedFolder& seeds) {
  const auto add = [&](const std::string& name, const std::string& text) {
    seeds.add("rows", name, text);
  };
  add("ok-rows",
      "# a "
      "paper\nname,group,reference,extra_data,ranked,unit,scanrefer:Acc@0.25,scanqa:CIDEr,sqa3d:EM["
      "refined]\n"
      "\"a, b\",x,CVPR 26,yes,no,percent,58.1,102.1,-\nvega_3d 50% A&B #1 {x} ~^\\ $,,,,,,60.0 "
      "(12/9508),0.838,\n");
  add("ok-parts",
      "name,vsi:average,vsi:object count,vsi:absolute distance,vsi:object size,vsi:room size,"
      "vsi:relative distance,vsi:relative direction,vsi:route planning,vsi:appearance order\n"
      "a,34.0,62.1,32.0,29.9,33.1,25.1,47.9,28.4,25.2\n");
  add("bad-number", "name,scanqa:EM\na,\"30,1\"\n");
  add("bad-column", "name,scanqa\na,1\n");
  add("bad-name", "system;scanqa:EM\na;1\n");
  add("bad-fields", "name,scanqa:EM\na,1,2\n");
  add("bad-quote", "name,scanqa:EM\n\"a,1\n");
}

}  // namespace vega::fuzz
