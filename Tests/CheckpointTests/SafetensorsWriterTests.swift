import Base
import Checkpoints
import Foundation
import Tensors
import Testing

@Suite struct SafetensorsWriterTests {
  private let scratch: ScratchFolder
  init() throws { scratch = try ScratchFolder() }

  private static let tensors: [(name: String, shape: [Int])] = [
    ("embed", [13, 7]), ("scalar", []), ("none", [4, 0]), ("large", [90_001, 3]), ("bias", [5]),
    ("last", [2, 2, 2]),
  ]

  private func values(_ count: Int, stream: Int) -> [Float] {
    var random = PhiloxStream(seed: 5, stream: UInt64(stream))
    return (0..<count).map { _ in Float(random.unit() * 4 - 2) }
  }

  /// Writes as `ranks` writers in turn, each an equal part of every tensor.
  private func write(_ plan: SafetensorsPlan, in folder: String, ranks: Int) throws {
    let first = SafetensorsWriter(plan, in: folder)
    try first.create()
    try first.finish()
    let index = URL(fileURLWithPath: "\(folder)/\(plan.indexName)")
    try Data(plan.index.encoded(indented: true).utf8).write(to: index)
    for rank in (0..<ranks).reversed() {
      let writer = SafetensorsWriter(plan, in: folder)
      for (number, tensor) in Self.tensors.enumerated() {
        let count = tensor.shape.reduce(1, *)
        let range = count * rank / ranks..<count * (rank + 1) / ranks
        try values(count, stream: number).withUnsafeBufferPointer {
          try writer.write(
            name: tensor.name, elementRange: range, from: UnsafeBufferPointer(rebasing: $0[range]))
        }
      }
      try writer.finish()
    }
  }

  @Test(arguments: [StoredType.f32, .bf16], [1, 3])
  func whatRanksWriteIsRead(type: StoredType, ranks: Int) throws {
    var cases = 0
    for limit in [1, 400, 1 << 21, .max] {
      let plan = try SafetensorsPlan(tensors: Self.tensors, type: type, maximumShardBytes: limit)
      let folder = "\(scratch.path)/\(limit)"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try write(plan, in: folder, ranks: ranks)
      #expect((plan.files.count > 1) == (limit <= 400))
      let weights = try HuggingFaceWeights(folder: folder)
      #expect(weights.names == Self.tensors.map(\.name))
      for (number, tensor) in Self.tensors.enumerated() {
        #expect(weights.shape(of: tensor.name) == tensor.shape)
        let wanted = values(tensor.shape.reduce(1, *), stream: number).map { value in
          type == .f32 ? value : BFloat16(rounding: value).float
        }
        #expect(try floats(weights, tensor.name) == wanted)
        cases += 1
      }
    }
    #expect(cases == 24)
  }

  @Test func bytesDoNotDependOnTheNumberOfWriters() throws {
    let plan = try SafetensorsPlan(tensors: Self.tensors, type: .bf16, maximumShardBytes: .max)
    var files: [Data] = []
    for ranks in [1, 2, 7] {
      try write(plan, in: scratch.path, ranks: ranks)
      files.append(try Data(contentsOf: URL(fileURLWithPath: "\(scratch.path)/model.safetensors")))
    }
    #expect(files.count == 3 && files[0] == files[1] && files[0] == files[2])
  }

  @Test func filesAreFilledInOrderAndNamed() throws {
    let tensors: [(name: String, shape: [Int])] = [
      ("a", [10]), ("b", [10]), ("huge", [100]), ("c", [1]), ("d", [19]), ("e", [1]),
    ]
    let plan = try SafetensorsPlan(
      tensors: tensors, type: .f32, maximumShardBytes: 80, stem: "first_moment")
    #expect(
      plan.files.map(\.name) == [
        "first_moment-00001-of-00004.safetensors", "first_moment-00002-of-00004.safetensors",
        "first_moment-00003-of-00004.safetensors", "first_moment-00004-of-00004.safetensors",
      ])
    #expect(plan.files.map { $0.header.entries.map(\.name) } == [["a", "b"], ["huge"], ["c", "d"], ["e"]])
    #expect(plan.files.allSatisfy { $0.header.dataStart % 64 == 0 && $0.header.metadata == ["format": "pt"] })
    let place = try #require(plan.place(of: "d"))
    #expect(place.file == 2 && place.offset == plan.files[2].header.dataStart + 4 && place.count == 19)
    #expect(plan.place(of: "f") == nil)
    #expect(plan.totalSize == 4 * 141)
    #expect(plan.indexName == "first_moment.safetensors.index.json")
    #expect(plan.index["metadata"]?["total_size"]?.integer == 564)
    #expect(plan.index["weight_map"]?["huge"]?.text == "first_moment-00002-of-00004.safetensors")
    let one = try SafetensorsPlan(tensors: tensors, type: .bf16, maximumShardBytes: 1 << 30)
    #expect(one.files.map(\.name) == ["model.safetensors"])
    #expect(one.files[0].size == one.files[0].header.dataStart + 282)
    #expect(try SafetensorsPlan(tensors: [], type: .f32, maximumShardBytes: 1).files.count == 1)
  }

  @Test func impossiblePlansAreRefused() {
    #expect(throws: UserError(.data, "a checkpoint cannot hold two tensors called \"a\"")) {
      try SafetensorsPlan(tensors: [("a", [1]), ("b", [1]), ("a", [1])], type: .f32, maximumShardBytes: 1)
    }
    #expect(throws: UserError.self) {
      try SafetensorsPlan(tensors: [("a", [1 << 62])], type: .f32, maximumShardBytes: 1)
    }
  }

  @Test func diskErrorsHaveTheSystemsReason() throws {
    let plan = try SafetensorsPlan(tensors: [("a", [1])], type: .f32, maximumShardBytes: 1)
    let path = "/nowhere/model.safetensors"
    #expect(throws: UserError(.disk, "cannot be opened for writing: No such file or directory", at: path)) {
      try SafetensorsWriter(plan, in: "/nowhere").create()
    }
    #expect(throws: UserError(.disk, "cannot be opened for writing: No such file or directory", at: path)) {
      try [Float(1)].withUnsafeBufferPointer {
        try SafetensorsWriter(plan, in: "/nowhere").write(name: "a", elementRange: 0..<1, from: $0)
      }
    }
    // Half an exbibyte: more than any file system has, noticed before a byte is written.
    let huge = try SafetensorsPlan(tensors: [("a", [1 << 57])], type: .f32, maximumShardBytes: .max)
    do {
      try SafetensorsWriter(huge, in: scratch.path).create()
      Issue.record("half an exbibyte was promised")
    } catch let error as UserError {
      #expect(error.code == .disk)
      #expect(error.description.contains("576460752303423"))
    }
  }
}
