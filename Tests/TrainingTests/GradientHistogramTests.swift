// Buckets of gradients' histograms.
import Sharding
import Testing

@Suite struct GradientHistogramTests {
  @Test func numbersLieWithinTheLimitsOfTheirBuckets() throws {
    let limits = GradientHistogram.limits
    #expect(limits.count == GradientHistogram.buckets && limits == limits.sorted())
    var compared = 0
    for number: Float in [1e-9, 3e-5, 0.75, 1.5, 900, -1e-9, -0.02, -1.5, -30000] {
      let bucket = try #require(GradientHistogram.bucket(number))
      #expect(Double(number) <= limits[bucket] && Double(number) > limits[bucket - 1], "\(number)")
      compared += 1
    }
    #expect(compared == 9)
    let middle = try #require(GradientHistogram.bucket(0))
    #expect(limits[middle] > 0 && limits[middle - 1] < 0)
    #expect(GradientHistogram.bucket(-0.0) == middle && GradientHistogram.bucket(1e-30) == middle)
    #expect(GradientHistogram.bucket(.infinity) == nil && GradientHistogram.bucket(.nan) == nil)
    #expect(GradientHistogram.bucket(1e30) == limits.count - 1 && GradientHistogram.bucket(-1e30) == 0)
  }

  @Test func parametersOfALayerStandTogether() {
    #expect(GradientHistogram.group(of: "model.layers.3.mlp.up_proj.weight") == "model.layers.3")
    #expect(GradientHistogram.group(of: "model.norm.weight") == "model.norm")
    #expect(GradientHistogram.group(of: "table") == "table")
  }

  @Test func aFewStepsOfARunAreLookedAt() {
    let due = (1...1000).filter { GradientHistogram.isDue($0, of: 1000) }
    #expect(due.count == 51 && due.first == 1 && due.last == 1000)
    #expect((1...7).filter { GradientHistogram.isDue($0, of: 7) } == [1, 7])
  }
}
