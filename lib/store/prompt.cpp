#include "store/prompt.h"

#include "base/error.h"
#include "store/part_store.h"

namespace vega {

void write_prompt(const std::filesystem::path& path, const Prompt& prompt) {
  const Shape shape{prompt.rows, prompt.width};
  if (prompt.rows < 1 || prompt.width < 1 ||
      prompt.context.size() != static_cast<std::size_t>(element_count(shape))) {
    throw InputError(
        explain("prompt embedding",
                std::to_string(prompt.context.size()) + " values for " + to_string(shape),
                "rows times width, both positive"));
  }
  PartStore store(path, kPromptSchema, prompt.header);
  store.file().write_text("/", "text", prompt.text);
  store.file().write_dataset("/context", DType::kBF16, shape, h5::raw_bytes(prompt.context),
                             prompt.rows);
  store.finish();
}

Prompt read_prompt(const std::filesystem::path& path) {
  const h5::File file = h5::File::open(path);
  require_complete(file, kPromptSchema);
  Prompt prompt;
  prompt.header = read_header(file);
  prompt.text = file.read_text("/", "text");
  prompt.context =
      h5::values_of<std::uint16_t>(file.read_dataset("/context", DType::kBF16, {-1, -1}));
  const Shape shape = file.info("/context").shape;
  prompt.rows = shape[0];
  prompt.width = shape[1];
  return prompt;
}

}  // namespace vega
