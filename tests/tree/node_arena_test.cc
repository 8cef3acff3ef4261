#include "tree/node_arena.h"

#include <cstdint>
#include <cstring>
#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace zk::tree {
namespace {

TEST(NodeArena, BlocksAreApartAndKeepWhatIsWritten) {
    NodeArena arena;
    std::mt19937 random(7);
    std::map<char*, std::size_t> blocks;  // by address: their sizes
    const auto check_and_free = [&](char* block, std::size_t size) {
        for (std::size_t i = 0; i < size; ++i) {
            ASSERT_EQ(static_cast<unsigned char>(block[i]), size % 251);
        }
        NodeArena::free(block);
    };
    for (int step = 0; step < 20'000; ++step) {
        if (blocks.size() < 500 || random() % 2 == 0) {
            const std::size_t size = 1 + random() % NodeArena::kBlockMax;
            auto* block = static_cast<char*>(arena.allocate(size));
            ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block) % 8, 0U);
            std::memset(block, static_cast<int>(size % 251), size);
            const auto [place, is_new] = blocks.emplace(block, size);
            ASSERT_TRUE(is_new);
            if (place != blocks.begin()) {
                const auto before = std::prev(place);
                ASSERT_LE(before->first + before->second, block);
            }
            if (std::next(place) != blocks.end()) {
                ASSERT_LE(block + size, std::next(place)->first);
            }
        } else {
            auto place = blocks.begin();
            std::advance(
                place,
                static_cast<std::ptrdiff_t>(random() % std::min<std::size_t>(blocks.size(), 20)));
            check_and_free(place->first, place->second);
            blocks.erase(place);
        }
    }
    for (const auto& [block, size] : blocks) check_and_free(block, size);
    EXPECT_LE(arena.slabs(), 1U);
}

TEST(NodeArena, AMillionBytesOfSmallBlocksTakeLittleMoreThanThat) {
    NodeArena arena;
    std::vector<void*> blocks;
    for (int i = 0; i < 100'000; ++i) blocks.push_back(arena.allocate(137));
    EXPECT_LE(arena.slabs(), 100'000U * 144 / NodeArena::kSlabBytes + 2);
    EXPECT_GE(arena.slabs(), 100'000U * 144 / NodeArena::kSlabBytes);
    for (void* block : blocks) NodeArena::free(block);
    EXPECT_EQ(arena.slabs(), 1U);
}

TEST(NodeArena, WhatWasFreedIsTakenAgainBeforeMemoryIsAskedFor) {
    NodeArena arena;
    std::vector<void*> blocks;
    for (int i = 0; i < 10'000; ++i) blocks.push_back(arena.allocate(64));
    const std::size_t full = arena.slabs();
    for (int round = 0; round < 10; ++round) {
        for (std::size_t i = static_cast<std::size_t>(round); i < blocks.size(); i += 10) {
            NodeArena::free(blocks[i]);
        }
        for (std::size_t i = static_cast<std::size_t>(round); i < blocks.size(); i += 10) {
            blocks[i] = arena.allocate(i % 2 == 0 ? 64 : 57);
        }
    }
    EXPECT_EQ(arena.slabs(), full);
    for (void* block : blocks) NodeArena::free(block);
}

TEST(NodeArena, AnEmptySlabServesAnotherSize) {
    NodeArena arena;
    NodeArena::free(arena.allocate(40));
    ASSERT_EQ(arena.slabs(), 1U);
    void* block = arena.allocate(400);
    EXPECT_EQ(arena.slabs(), 1U);
    NodeArena::free(block);
}

}  // namespace
}  // namespace zk::tree
