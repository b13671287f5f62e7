// Random programs have right gradients, and the same bits whatever lies in memory and however they run.
import Graph
import Kernels
import Reference
import Tensors
import Testing

@Suite struct RandomProgramTests {
  static let count = 40

  private func batch(_ number: Int, _ sketch: Sketch) -> TestBatch {
    var draw = Draw(2000 + number)
    let shape = BatchShape(sequences: 1 + draw.below(3), length: 1 + draw.below(7))
    return TestBatch(shape, vocabulary: sketch.vocabulary, draw: &draw)
  }

  @Test(arguments: 0..<count) func gradientsAreRight(_ number: Int) throws {
    let sketch = Sketch.random(number)
    let model = TestModel(sketch)
    let batch = batch(number, sketch)
    let result = try model.train(batch)
    let reference = model.reference(batch)
    let loss = reference.loss(model.line)
    #expect(abs(result.loss - loss) <= 2e-6 * max(1, loss))
    model.expectGradients(result.gradients, reference.gradient(model.line))
  }

  @Test(arguments: 0..<count) func memoryAndRecomputeDoNotMatter(_ number: Int) throws {
    let sketch = Sketch.random(number)
    let model = TestModel(sketch)
    let batch = batch(number, sketch)
    let plain = try model.train(batch)
    #expect(plain.gradients.allSatisfy { $0.isFinite })
    expectSame(try model.train(batch, poisoned: true), plain, "poisoned")
    for recompute in [Recompute.attention, .layer] {
      expectSame(try model.train(batch, recompute: recompute), plain, "\(recompute)")
      expectSame(try model.train(batch, recompute: recompute, threads: 3, poisoned: true), plain, "both")
    }

    // Runs twice, with the memory as the other program left it.
    let arena = Arena()
    let engine = try Engine(threads: 1)
    let programs = Recompute.allCases.map { model.program(batch.shape, recompute: $0) }
    var ran = 0
    for program in programs + programs.reversed() {
      expectSame(model.train(program, batch, arena: arena, engine: engine), plain, "run \(ran)")
      ran += 1
    }
    #expect(ran == 6)
  }

  @Test(arguments: 0..<count) func freezingLeavesTheRestAlone(_ number: Int) throws {
    let sketch = Sketch.random(number)
    let batch = batch(number, sketch)
    let whole = TestModel(sketch)
    let all = try whole.train(batch)
    var draw = Draw(3000 + number)
    let names = whole.layout.parameters.map(\.spec.name)
    // At least one parameter remains trained.
    let kept = draw.below(names.count)
    let frozen = Set(names.indices.filter { $0 != kept && draw.chance(0.8) }.map { names[$0] })
    for recompute in Recompute.allCases {
      let model = TestModel(sketch, freezes: frozen.contains)
      let result = try model.train(batch, recompute: recompute, poisoned: true)
      #expect(result.loss == all.loss)
      var compared = 0
      for parameter in model.layout.parameters where parameter.spec.trains {
        let other = try #require(whole.layout[parameter.spec.name])
        #expect(
          sameBits(Array(result.gradients[parameter.range]), Array(all.gradients[other.range])),
          "\(parameter.spec.name), \(recompute)")
        compared += 1
      }
      #expect(compared == names.count - frozen.count)
    }
  }
}
