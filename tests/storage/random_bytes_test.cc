// Parsers of bytes that came from a disk or a peer must survive any bytes.
#include <random>

#include <gtest/gtest.h>

#include "samples.h"

namespace zk::storage {
namespace {

/// `bytes` with some places overwritten, cut or repeated.
Bytes mutate(Bytes bytes, std::mt19937_64& random) {
    for (std::uint64_t edits = 1 + random() % 4; edits > 0 && !bytes.empty(); --edits) {
        const std::size_t at = random() % bytes.size();
        switch (random() % 5) {
            case 0:
                bytes[at] = static_cast<char>(random());
                break;
            case 1:
                bytes.resize(at);
                break;
            case 2:
                bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 64));
                break;
            case 3:
                bytes.erase(at, random() % 16);
                break;
            default:
                if (at + 4 <= bytes.size())
                    store_be(bytes.data() + at,
                             static_cast<std::int32_t>(random() >> (random() % 64)));
        }
    }
    return bytes;
}

void parse_in_random_pieces(ByteView bytes, Form form, std::mt19937_64& random) {
    SnapshotParser parser(form);
    while (!bytes.empty() && !parser.done()) {
        const std::size_t piece = 1 + random() % 300;
        if (!parser.feed(bytes.substr(0, piece)).has_value()) return;
        bytes.remove_prefix(std::min(piece, bytes.size()));
    }
    if (form == Form::file && !parser.finish().has_value()) return;
    if (!parser.done()) return;
    EXPECT_NE(parser.take_tree(), nullptr);
}

TEST(RandomBytes, SnapshotParserSurvives) {
    std::mt19937_64 random(20240601);
    tree::DataTree tree = numbered_tree(20);
    jute::Txn restricted = header_only(Zxid(21), OpCode::create);
    restricted.body = jute::CreateTxn{
        "/n1/acl", std::nullopt, {{1, {"digest", "a:b"}}, {2, {"ip", "10.0.0.1"}}}, true, -1};
    tree.apply(restricted);
    for (const Form form : {Form::file, Form::wire}) {
        const Bytes good = serialize(tree, {{SessionId(1), 2}, {SessionId(3), 4}}, form);
        for (int i = 0; i < 3000; ++i) parse_in_random_pieces(mutate(good, random), form, random);
        for (int i = 0; i < 500; ++i) {
            Bytes noise(random() % 400, '\0');
            for (char& byte : noise) byte = static_cast<char>(random());
            parse_in_random_pieces(noise, form, random);
        }
    }
}

TEST(RandomBytes, LogReaderSurvivesAndNeverInventsRecords) {
    std::mt19937_64 random(77);
    sim::SimDisk disk;
    write_log(disk, zxids({1, 2, 3, 4, 5, 6, 7, 8}));
    const Bytes good = content(disk, "log.1");
    std::size_t refused = 0;
    for (int i = 0; i < 5000; ++i) {
        disk.put(kDir + "/log.1", mutate(good, random));
        const auto found = read_log(disk);
        if (!found.has_value()) {
            ++refused;
            continue;
        }
        for (std::size_t k = 0; k < found->size(); ++k)
            EXPECT_EQ((*found)[k], Zxid(static_cast<std::int64_t>(k) + 1));
        EXPECT_LE(found->size(), 8U);
    }
    EXPECT_GT(refused, 100U);
}

}  // namespace
}  // namespace zk::storage
