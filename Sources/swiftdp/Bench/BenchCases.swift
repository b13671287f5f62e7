// What `bench all` runs: one or more benches of every path that has a limit.
import Base

/// A bench in a process of its own, and the figures that are read from its JSON.
struct BenchCase {
  let name: String
  /// After `bench`.
  let words: [String]
  /// Whether all ranks run it, or one process with as many threads.
  let isOnRanks: Bool
  let figures: @Sendable (JSON) -> [BenchFigure]

  /// - Parameter ranks: of one thread each.
  static func all(ranks: Int, folder: String, shipped: String) -> [BenchCase] {
    let models = [
      ("gpt2-124m", 4, 256, []), ("llama-134m", 4, 256, []), ("gpt2-124m", 1, 2048, []),
      ("gpt2-124m", 8, 64, []),
      ("gpt2-124m", 4, 256, ["--method", "lora"]),
      ("gpt2-124m", 4, 256, ["--method", "lora", "--frozen-dtype", "nf4"]), ("bert-110m", 32, 128, []),
      ("t5-60m", 32, 128, []), ("minilm-22m", 32, 128, []), ("llama-1m", 8, 128, []),
    ]
    let training = models.flatMap { shape, batch, length, more in
      ["float32", "bfloat16"].map { type in
        model(shape, type, batch, length, more)
      }
    }
    return training + [
      BenchCase(
        name: "generate gpt2-124m", words: ["generate", "--threads", "\(ranks)"], isOnRanks: false,
        figures: { json in
          [("in one batch", "tokens_per_second"), ("one by one", "single_tokens_per_second")].compactMap {
            label, key in
            json[key]?.double.map {
              BenchFigure(name: "generate gpt2-124m, \(label)", value: $0, unit: "tokens/s")
            }
          }
        }),
      table("kernels"), table("collectives"),
      table("checkpoint", ["--output", folder]),
      table("tokenizer", ["--tokenizer", shipped + "/base", "--data", shipped + "/tasks.jsonl"]),
    ]
  }

  private static func model(
    _ shape: String, _ type: String, _ batch: Int, _ length: Int, _ more: [String]
  ) -> BenchCase {
    let method = more.filter { !$0.hasPrefix("--") }.joined(separator: " ")
    let name =
      "model \(shape) \(type) \(batch) × \(length)" + (method.isEmpty ? "" : " \(method)")
    return BenchCase(
      name: name,
      words: [
        "model", "--shape", shape, "--dtype", type, "--batch-size", "\(batch)", "--length", "\(length)",
        "--threads", "1",
        "--steps", "5", "--warm-up", "1",
      ] + more, isOnRanks: true,
      figures: { json in
        json["share_of_peak"]?.double.map { [BenchFigure(name: name, value: $0, unit: BenchFigure.share)] }
          ?? []
      })
  }

  /// The rows of a bench that prints a table.
  private static func table(_ bench: String, _ more: [String] = []) -> BenchCase {
    BenchCase(
      name: bench, words: [bench, "--threads", "1"] + more, isOnRanks: true,
      figures: { json in
        (json["rows"]?.elements ?? []).compactMap { row in
          guard let name = row["name"]?.text, let value = row["share_of_limit"]?.double else { return nil }
          let sizes = (row["sizes"]?.members ?? []).compactMap { size in
            size.value.integer.map { "\(String(decoding: size.key, as: UTF8.self)) \($0)" }
          }
          return BenchFigure(
            name: ([bench, name] + sizes).joined(separator: " "), value: value, unit: BenchFigure.share)
        }
      })
  }
}
