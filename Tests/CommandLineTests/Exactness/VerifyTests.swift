// swiftdp verify: a good recipe passes, and a planted fault does not.
import Testing

extension ResultTests {
  @Suite struct VerifyTests {
    static let settings = [
      "verify", "model=llama", "weights=random", "data.train=text.txt", "data.sequence_length=32",
      "training.steps=20", "training.batch_size=8", "training.micro_batch_size=1", "output=out",
    ]
    static let arrangements = [
      "1 rank", "1 rank × 2 threads", "1 rank × 3 threads", "1 rank, layers computed again", "2 ranks",
      "3 ranks", "4 ranks", "4 ranks, ZeRO 0", "4 ranks, ZeRO 2", "4 ranks, ZeRO 3",
      "stopped at 2, 4 to 3 ranks",
    ]

    private func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      return folder
    }

    /// The table's rows as cells; columns are two or more spaces apart, or one where a cell is full.
    private func table(_ result: CommandResult) -> [(name: String, hash: String, isEqual: Bool)] {
      result.out.split(separator: "\n").compactMap { line in
        let words = line.split(separator: " ").map(String.init)
        guard let answer = words.last, ["yes", "NO"].contains(answer), words.count > 4 else { return nil }
        #expect(Double(words[words.count - 4]) != nil && Double(words[words.count - 3]) != nil, "\(line)")
        return (words.dropLast(4).joined(separator: " "), words[words.count - 2], answer == "yes")
      }
    }

    @Test func aGoodRecipePasses() throws {
      let folder = try folder()
      let result = try Command.swiftdp(Self.settings, ranks: 4, in: folder)
      #expect(result.code == 0, "\(result.err)")
      let rows = table(result)
      #expect(rows.map(\.name) == Self.arrangements)
      #expect(rows.allSatisfy { $0.isEqual } && Set(rows.map(\.hash)).count == 1)
      #expect(result.out.contains("\npadding by 13 columns changes the loss by "))
      #expect(result.out.split(separator: "\n").count { $0.hasPrefix("gradient, direction ") } == 3)
      // Weights, each with two moments.
      #expect(
        result.out.hasSuffix(
          """

          compared: 71,232 numbers in each of 11 arrangements, the loss of 31 target tokens with padding, \
          3 directions of a gradient of 23,744 numbers
          all agree

          """), "\(result.out)")
      #expect(folder.names(in: "out") == [], "nothing stays behind")
    }

    /// The first micro-batches have no target, and the model reads nothing longer than a sequence: there is something
    /// to compare nevertheless.
    @Test func microBatchesWithTargetsAreLookedFor() throws {
      let folder = try folder()
      try makeRows(first: 16, in: folder)
      let settings = rowSettings + ["data.sequence_length=64"]
      let result = try Command.swiftdp(settings + ["--steps", "3"], ranks: 2, in: folder)
      #expect(result.code == 0, "\(result.out)\n\(result.err)")
      #expect(result.out.contains("\npadding by 13 columns changes the loss by "), "\(result.out)")
      #expect(result.out.split(separator: "\n").count { $0.hasPrefix("gradient, direction ") } == 3)
      #expect(
        result.out.contains(" the loss of 3 target tokens with padding, 3 directions of "), "\(result.out)")
      let full = try Command.swiftdp(Self.settings + ["data.sequence_length=64"], ranks: 2, in: folder)
      #expect(full.code == 0, "\(full.out)\n\(full.err)")
      #expect(full.out.contains("\npadding by 13 columns changes the loss by "), "\(full.out)")
      #expect(
        full.out.contains(" the loss of 51 target tokens with padding, 3 directions of "), "\(full.out)")
    }

    @Test func nothingToCompareIsNoAgreement() throws {
      let folder = try folder()
      try makeRows(first: 40, in: folder)
      let result = try Command.swiftdp(rowSettings + ["data.sequence_length=64"], ranks: 2, in: folder)
      #expect(result.code == 65, "\(result.out)\n\(result.err)")
      #expect(
        result.messages == [
          "--steps: the first 4 steps hold no token to predict, and would agree whatever is wrong (set --steps 6)"
        ])
      let few = try Command.swiftdp(
        Self.settings + ["training.steps=3"], ranks: 2, in: folder)
      #expect(few.code == 64)
      #expect(few.messages == ["--steps: is 4, and the run has 3 steps"])
    }

    private var rowSettings: [String] {
      [
        "verify", "model=llama", "weights=random", "data.train=rows.jsonl", "data.packing=false",
        "data.shuffle=false",
        "data.validation=0", "training.steps=20", "training.batch_size=8", "training.micro_batch_size=1",
        "output=out",
      ]
    }

    /// Rows whose prompts fill a sequence, then others.
    private func makeRows(first: Int, in folder: Workspace) throws {
      let full = "{\"prompt\": \"\(String(repeating: "x", count: 80))\", \"completion\": \"y\"}\n"
      let row = "{\"prompt\": \"a\", \"completion\": \"bc\"}\n"
      try folder.file(
        "rows.jsonl", String(repeating: full, count: first) + String(repeating: row, count: 32))
    }

    /// A rank gets other ranks' gradients with a wrong bit. It shows in every arrangement in which that rank takes
    /// part with others, and nowhere else.
    @Test func aWrongPartOfAGradientIsCaught() throws {
      let result = try Command.swiftdp(
        Self.settings, ranks: 4, fault: RankFault(rank: 1, what: "part"), in: folder())
      try expectCaught(result, Set(Self.arrangements[4...]))
    }

    /// A bit of the checkpoint that a run resumes from has changed on the way to the disk.
    @Test func aCorruptedShardIsCaught() throws {
      let result = try Command.swiftdp(
        Self.settings, ranks: 4, fault: RankFault(rank: 2, what: "flip:step-000002"), in: folder())
      #expect(result.code == 65, "\(result.out)\n\(result.err)")
      #expect(table(result).map(\.name) == Array(Self.arrangements[..<10]))
      #expect(result.messages.count == 1)
      let file = "/checkpoints/step-000002/first_moment.safetensors: is damaged: its checksum is "
      #expect(result.messages.first?.contains(file) == true, "\(result.err)")
    }

    private func expectCaught(_ result: CommandResult, _ names: Set<String>) throws {
      #expect(result.code == 70, "\(result.out)\n\(result.err)")
      let rows = table(result)
      #expect(rows.map(\.name) == Self.arrangements)
      #expect(Set(rows.filter { !$0.isEqual }.map(\.name)) == names)
      #expect(
        result.messages == ["verify: not all agree (this run depends on how it is arranged)"], "\(result.err)"
      )
      #expect(!result.out.contains("all agree"))
    }
  }
}
