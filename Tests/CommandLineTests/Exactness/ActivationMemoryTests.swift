// What a rank keeps between forward and backward: in fewer bytes, or within a bound. Neither depends on ranks.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct ActivationMemoryTests {
    @Test(arguments: ["bfloat16", "int8"]) func packedActivationsGiveTheSameBitsAnywhere(_ type: String)
      throws
    {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let settings =
        RankCountTests.text + ["training.steps=8", "checkpoint.every=4", "training.activation_dtype=\(type)"]
      let one = try train(settings, output: "one", in: folder)
      let exact = try train(
        settings + ["training.activation_dtype=float32"], output: "exact", in: folder)
      let (losses, plain) = (try one.numbers("loss"), try exact.numbers("loss"))
      // Forward is exact, so the first loss is; the last ones are near.
      #expect(losses[0] == plain[0] && losses != plain)
      #expect(zip(losses, plain).allSatisfy { abs($0 / $1 - 1) <= 0.01 }, "\(losses) \(plain)")
      for (ranks, more) in [
        (2, ["parallel.zero=0"]), (3, ["parallel.zero=3", "training.recompute=attention"]),
        (4, ["parallel.zero=2"]),
      ] {
        let run = try train(settings + more, output: "run-\(ranks)", ranks: ranks, in: folder)
        if ranks == 3 { continue }
        #expect(try run.hash() == one.hash(), "\(ranks) ranks")
      }
      let rest = try train(
        settings + ["checkpoint.resume=one/checkpoints/step-000004"], output: "rest", ranks: 3, in: folder)
      #expect(try rest.hash() == one.hash())
    }

    /// On a disk, activations of runs that packed them or not are the same numbers.
    @Test(arguments: [
      ["model_dtype=float32"], ["model_dtype=bfloat16", "training.activation_dtype=int8"],
      ["data.packing=false", "data.train=rows.jsonl", "method=lora"],
    ])
    func offloadedActivationsGiveTheSameBits(_ more: [String]) throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      try folder.file(
        "rows.jsonl",
        (0..<60).map { "{\"text\": \"\(String(repeating: "a ship sang ", count: $0 % 5 + 1))\"}\n" }.joined())
      let settings = RankCountTests.text + ["training.steps=6", "checkpoint.every=3"] + more
      let memory = try train(settings, output: "memory", in: folder)
      let offload = ["training.activation_offload=disk"]
      for (ranks, zero, recompute) in [(1, 1, "none"), (2, 3, "attention"), (3, 0, "layer"), (4, 2, "none")] {
        let run = try train(
          settings + offload + ["parallel.zero=\(zero)", "training.recompute=\(recompute)"],
          output: "run-\(ranks)", ranks: ranks, in: folder)
        // Packed activations are computed again from what is packed.
        if recompute != "none", more.contains(where: { $0.contains("int8") }) { continue }
        #expect(try run.hash() == memory.hash(), "\(more), \(ranks) ranks")
      }
      let rest = try train(
        settings + ["checkpoint.resume=run-4/checkpoints/step-000003"], output: "rest", ranks: 3, in: folder)
      #expect(try rest.hash() == memory.hash())
      #expect(folder.names(in: "disk") == [])
    }

    @Test func aFolderThatCannotHoldThemIsOneLine() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let settings = RankCountTests.text + ["training.steps=2"]
      try expectMistake(
        ["train"] + settings + ["training.activation_offload=text.txt"], 74,
        ["text.txt: is a file, where a folder is meant"], in: folder)
      try expectMistake(
        ["train"] + settings + ["training.activation_offload=''"], 64,
        ["training.activation_offload: is empty (was it an unset variable?)"], in: folder)
    }

    @Test(.enabled(if: SmallDisk.mayMount, "file systems cannot be mounted here"))
    func aFullDiskEndsTheRunInOneLine() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let disk = try SmallDisk("disk", in: folder, bytes: 40_000)
      defer { withExtendedLifetime(disk) {} }
      let result = try Command.swiftdp(
        ["train"] + RankCountTests.text + [
          "training.steps=2", "training.activation_offload=disk", "output=run",
        ], ranks: 2, in: folder)
      #expect(result.code == 74, "\(result.out)\(result.err)")
      #expect(result.messages.count == 1, "\(result.err)")
      let message = result.messages.first ?? ""
      #expect(
        message.hasPrefix("disk: activations of 2 ranks take 0.")
          && message.contains(" MB and it has room for 0.")
          && message.hasSuffix("in training.activation_offload, or set a smaller micro_batch_size)"),
        "\(message)")
      #expect(!folder.exists("run"))
    }

    @Test func theLeastRecomputationThatFits() throws {
      let folder = try Workspace()
      try folder.makeGPT2(layers: 6, dropout: 0, width: 64, longest: 256)
      try folder.makeText(characters: 20_000)
      let settings = [
        "model=gpt2", "weights=random", "data.train=text.txt", "data.sequence_length=256", "training.steps=2",
        "training.batch_size=16", "training.micro_batch_size=8", "parallel.threads=1",
      ]
      let plan = try Command.swiftdp(
        ["plan", "--json", "--ranks-per-host", "2", "--gflops", "50", "--bandwidth", "20G"] + settings,
        in: folder)
      var bytes: [String: Double] = [:]
      for row in try #require(JSON.parse(plan.out)["rows"]?.elements)
      where row["zero"]?.integer == 1 && row["model_dtype"]?.text == "float32" {
        bytes[try #require(row["recompute"]?.text)] = try #require(row["bytes_per_rank"]?.double)
      }
      let (none, attention, layer) = (
        try #require(bytes["none"]), try #require(bytes["attention"]), try #require(bytes["layer"])
      )
      try #require(none > attention * 1.05 && attention > layer * 1.05, "\(bytes)")
      var hashes: Set<String> = []
      for (bound, chosen) in [
        (none * 1.02, nil), ((none + attention) / 2, "attention"), ((attention + layer) / 2, "layer"),
      ] {
        let result = try Command.swiftdp(
          ["train"] + settings + ["training.memory=\(Int(bound))", "output=run"], ranks: 2, in: folder)
        #expect(result.code == 0, "\(result.err)")
        let notes = result.out.split(separator: "\n").filter { $0.hasPrefix("note: training.recompute") }
        #expect(
          notes.map(String.init)
            == (chosen.map {
              [
                "note: training.recompute is \($0): with less, a rank would take more than training.memory allows"
              ]
            } ?? []))
        hashes.insert(try RunOutput(folder: folder, name: "run").hash())
        try folder.remove("run")
      }
      #expect(hashes.count == 1)
      let small = try Command.swiftdp(
        ["train"] + settings + ["training.memory=\(Int(layer * 0.9))"], ranks: 2, in: folder)
      #expect(small.code == 65 && small.messages.count == 1)
      #expect(
        small.messages.first?.hasPrefix("gpt2: 2 ranks of a host need ") == true
          && small.messages.first?.contains(" and training.memory gives ") == true, "\(small.err)")
      try expectMistake(
        ["train"] + settings + ["training.memory=much"], 64,
        ["training.memory: is \"much\", which is no size (such as 800M or 12G)"], in: folder)
    }
  }
}
