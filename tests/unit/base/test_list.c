/* test_list.c - lists of nodes that live inside what they link. */
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct item {
    int before; /* so that the node is not at the struct's start */
    struct pl_list node;
    char name;
};

static void expect(const struct pl_list *list, const char *names)
{
    PL_LIST_EACH (node, list) {
        assert_int_equal(PL_CONTAINER(node, struct item, node)->name, *names);
        assert_ptr_equal(node->next->prev, node);
        assert_ptr_equal(node->prev->next, node);
        names++;
    }
    assert_int_equal(*names, 0);
}

static void nodes_keep_the_order_in_which_they_were_put(void **state)
{
    struct pl_list list;
    struct item a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'}, d = {.name = 'd'};

    (void)state;
    pl_list_init(&list);
    assert_true(pl_list_empty(&list));
    assert_null(pl_list_first(&list));
    expect(&list, "");
    pl_list_append(&list, &b.node);
    pl_list_append(&list, &c.node);
    pl_list_prepend(&list, &a.node);
    pl_list_append(&list, &d.node);
    expect(&list, "abcd");
    assert_false(pl_list_empty(&list));
    assert_ptr_equal(pl_list_first(&list), &a.node);
}

static void a_removed_node_is_in_no_list(void **state)
{
    struct pl_list list;
    struct item a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};

    (void)state;
    pl_list_init(&list);
    pl_list_append(&list, &a.node);
    pl_list_append(&list, &b.node);
    pl_list_append(&list, &c.node);
    pl_list_remove(&b.node);
    expect(&list, "ac");
    assert_true(pl_list_empty(&b.node));
    pl_list_remove(&b.node); /* harmless */
    expect(&list, "ac");
    pl_list_append(&list, &b.node);
    expect(&list, "acb");
    pl_list_remove(&a.node);
    pl_list_remove(&b.node);
    pl_list_remove(&c.node);
    assert_true(pl_list_empty(&list));
}

static void the_current_node_may_go_while_walking(void **state)
{
    struct pl_list list;
    struct item items[6];
    int len = 0;

    (void)state;
    pl_list_init(&list);
    for (int i = 0; i < 6; i++) {
        items[i].name = (char)('a' + i);
        pl_list_append(&list, &items[i].node);
    }
    PL_LIST_EACH (node, &list)
        if (len++ % 2 == 0)
            pl_list_remove(node);
    assert_int_equal(len, 6);
    expect(&list, "bdf");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_keep_the_order_in_which_they_were_put),
        cmocka_unit_test(a_removed_node_is_in_no_list),
        cmocka_unit_test(the_current_node_may_go_while_walking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
