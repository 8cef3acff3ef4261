// Runs a fuzz target without a fuzzer: the corpus, then so many mutations of it, from a fixed seed, so always the same.
//
//   fuzz TARGET CORPUS [RUNS [SEED]]    CORPUS is the folder of all targets' folders; a file: just that input
//   fuzz --list
//   fuzz --write CORPUS                 writes the samples of all targets
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "targets.h"

namespace {

namespace fs = std::filesystem;
using zk::Bytes;
using zk::ByteView;
using zk::fuzz::Target;

Bytes content_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// The inputs of a target by name, so that the order is the same everywhere.
std::vector<Bytes> corpus_of(const fs::path& folder) {
    std::vector<fs::path> paths;
    std::error_code missing;
    for (const auto& entry : fs::directory_iterator(folder, missing)) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    std::vector<Bytes> inputs;
    for (const fs::path& path : paths) inputs.push_back(content_of(path));
    return inputs;
}

class Mutator {
  public:
    explicit Mutator(std::uint64_t seed) : random_(seed) {}

    Bytes next(const std::vector<Bytes>& corpus) {
        Bytes bytes = corpus[random_() % corpus.size()];
        for (std::uint64_t edits = 1 + random_() % 4; edits > 0; --edits) edit(bytes, corpus);
        return bytes;
    }

  private:
    void edit(Bytes& bytes, const std::vector<Bytes>& corpus) {
        const std::size_t at = bytes.empty() ? 0 : random_() % bytes.size();
        switch (random_() % 7) {
            case 0:
                if (!bytes.empty()) bytes[at] = static_cast<char>(random_());
                return;
            case 1:
                bytes.resize(at);
                return;
            case 2:
                bytes.insert(at, bytes.substr(at / 2, random_() % 64));
                return;
            case 3:
                bytes.erase(at, random_() % 16);
                return;
            case 4: {
                const Bytes& other = corpus[random_() % corpus.size()];
                if (!other.empty())
                    bytes.replace(at, random_() % 32, other.substr(random_() % other.size()));
                return;
            }
            case 5:
                bytes.insert(at, 1 + random_() % 8, static_cast<char>(random_()));
                return;
            default:
                // A number with many zeros or many ones, as lengths are.
                if (at + 4 <= bytes.size())
                    zk::store_be(bytes.data() + at,
                                 static_cast<std::int32_t>(random_() >> (random_() % 64)));
        }
    }
    std::mt19937_64 random_;
};

int list_targets() {
    for (const Target& target : zk::fuzz::targets())
        std::printf("%.*s\n", static_cast<int>(target.name.size()), target.name.data());
    return EXIT_SUCCESS;
}

int write_corpus(const fs::path& root) {
    for (const Target& target : zk::fuzz::targets()) {
        fs::create_directories(root / target.name);
        int number = 0;
        for (const Bytes& sample : target.samples()) {
            std::ofstream(root / target.name / ("sample-" + std::to_string(++number)),
                          std::ios::binary)
                << sample;
        }
    }
    return EXIT_SUCCESS;
}

/// The samples are what the writers make today: a format that changed shows here.
bool samples_are_current(const Target& target, const std::vector<Bytes>& corpus) {
    for (const Bytes& sample : target.samples())
        if (std::find(corpus.begin(), corpus.end(), sample) == corpus.end()) return false;
    return true;
}

int run(const Target& target, const fs::path& given, std::uint64_t runs, std::uint64_t seed) {
    if (fs::is_regular_file(given)) {
        target.run(content_of(given));
        return EXIT_SUCCESS;
    }
    const fs::path folder = given / target.name;
    const std::vector<Bytes> corpus = corpus_of(folder);
    if (!samples_are_current(target, corpus)) {
        std::fprintf(stderr,
                     "%s lacks samples that the writers make today: fuzz --write %s\n",
                     folder.c_str(),
                     given.c_str());
        return EXIT_FAILURE;
    }
    for (const Bytes& input : corpus) target.run(input);
    Mutator mutator(seed);
    // What breaks a run is there to be looked at.
    const std::string kept = "fuzz-" + std::string(target.name) + ".input";
    for (std::uint64_t i = 0; i < runs; ++i) {
        const Bytes input = mutator.next(corpus);
        std::ofstream(kept, std::ios::binary) << input;
        target.run(input);
    }
    fs::remove(kept);
    std::printf("%s: %zu inputs, %llu mutations\n",
                std::string(target.name).c_str(),
                corpus.size(),
                static_cast<unsigned long long>(runs));
    return EXIT_SUCCESS;
}

std::uint64_t number(int argc, char** argv, int index, std::uint64_t otherwise) {
    return argc > index ? std::strtoull(argv[index], nullptr, 10) : otherwise;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string first = argc > 1 ? argv[1] : "";
    if (first == "--list") return list_targets();
    if (first == "--write" && argc == 3) return write_corpus(argv[2]);
    const Target* const target = zk::fuzz::find_target(first);
    if (target == nullptr || argc < 3) {
        std::fprintf(stderr, "usage: fuzz TARGET CORPUS [RUNS [SEED]] | --list | --write CORPUS\n");
        return 2;
    }
    return run(*target, argv[2], number(argc, argv, 3, 2000), number(argc, argv, 4, 20261129));
}
