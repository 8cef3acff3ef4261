// Long ACLs are looked at once for each who asks, and give what they would give each time.
#include "prep/long_lists.h"

#include <memory>

#include <gtest/gtest.h>

namespace zk::prep {
namespace {

using Auth = std::vector<jute::AuthId>;

/// The last of `size` entries gives `perms` to digest "me".
tree::AclRef list_of(std::size_t size, std::int32_t perms) {
    auto list = std::make_shared<jute::AclList>();
    for (std::size_t i = 1; i < size; ++i)
        list->push_back({perms::kAll, {"digest", "other" + std::to_string(i)}});
    list->push_back({perms, {"digest", "me"}});
    return list;
}

const Auth kMe{{"digest", "me"}};
const Auth kNobody{};

TEST(LongLists, AreLookedAtOnceForEachWhoAsks) {
    LongLists lists;
    const tree::AclRef list = list_of(1000, perms::kWrite);
    for (int i = 0; i < 5; ++i) {
        EXPECT_TRUE(lists.check(list, perms::kWrite, kMe, {}));
        EXPECT_FALSE(lists.check(list, perms::kRead, kMe, {}));
        EXPECT_FALSE(lists.check(list, perms::kWrite, kNobody, {}));
    }
    EXPECT_EQ(lists.looked_at(), 3U);
    EXPECT_TRUE(lists.check(list_of(1000, perms::kRead), perms::kRead, kMe, {})) << "another list";
    EXPECT_EQ(lists.looked_at(), 4U);
}

TEST(LongLists, ShortOnesAndNoneAreNotKept) {
    LongLists lists;
    const tree::AclRef list = list_of(LongLists::kLong - 1, perms::kWrite);
    EXPECT_TRUE(lists.check(list, perms::kWrite, kMe, {}));
    EXPECT_FALSE(lists.check(list, perms::kWrite, kNobody, {}));
    EXPECT_TRUE(lists.check(nullptr, perms::kWrite, kNobody, {})) << "open to all";
    EXPECT_EQ(lists.looked_at(), 0U);
}

TEST(LongLists, NoMoreAnswersAreKeptThanSoMany) {
    LongLists lists;
    std::vector<std::weak_ptr<const jute::AclList>> seen;
    for (std::size_t i = 0; i < 3 * LongLists::kKeptMax; ++i) {
        const tree::AclRef list = list_of(LongLists::kLong, i % 2 == 0 ? perms::kWrite : 0);
        EXPECT_EQ(lists.check(list, perms::kWrite, kMe, {}), i % 2 == 0) << i;
        EXPECT_EQ(lists.check(list, perms::kWrite, kMe, {}), i % 2 == 0) << i;
        seen.emplace_back(list);
    }
    EXPECT_EQ(lists.looked_at(), seen.size());
    for (std::size_t i = 0; i < seen.size(); ++i)
        EXPECT_EQ(seen[i].expired(), i < 2 * LongLists::kKeptMax) << i;
}

}  // namespace
}  // namespace zk::prep
