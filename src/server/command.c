/*
 * command.c - the options of `parlad check` and `parlad backup`: a folder, what the one
 * has and the other has not, help.
 */
#include "server/command.h"

#include <getopt.h>
#include <stdio.h>

enum { OPT_DATA = 1000, OPT_FLAG, OPT_HELP };

static enum pl_config_result invalid(const struct pl_cmd_form *form)
{
    fprintf(stderr, "; see parlad %s --help\n", form->name);
    return PL_CONFIG_INVALID;
}

/* Says what is wrong with an option, of which getopt has told the kind. */
static enum pl_config_result refuse(const struct pl_cmd_form *form, int option, char **argv)
{
    const char *given = argv[optind - 1];

    if (option == OPT_DATA)
        fprintf(stderr, "parlad: '%s' is no folder", optarg);
    else if (option == ':')
        fprintf(stderr, "parlad: '%s' wants a value", given);
    else if (optopt > 0 && optopt < OPT_DATA) /* one letter, perhaps of several */
        fprintf(stderr, "parlad: '-%c' is no option", optopt);
    else
        fprintf(stderr, "parlad: '%s' is no option", given);
    return invalid(form);
}

/* What is left when the options are read. */
static enum pl_config_result read_rest(const struct pl_cmd_form *form, int argc, char **argv,
                                       struct pl_cmd_options *ret)
{
    if (form->takes_file && (argc - optind != 1 || argv[optind][0] == 0)) {
        fprintf(stderr, "parlad: name one FILE");
        return invalid(form);
    }
    if (!form->takes_file && optind < argc) {
        fprintf(stderr, "parlad: '%s' is no option", argv[optind]);
        return invalid(form);
    }
    ret->file = form->takes_file ? argv[optind] : NULL;
    return ret->data[0] != 0 || pl_config_default_data(ret->data) ? PL_CONFIG_RUN
                                                                  : PL_CONFIG_INVALID;
}

enum pl_config_result pl_cmd_read(const struct pl_cmd_form *form, int argc, char **argv,
                                  struct pl_cmd_options *ret_options)
{
    const struct option options[] = {
        {"data", required_argument, NULL, OPT_DATA},
        {form->flag, no_argument, NULL, OPT_FLAG},
        {"help", no_argument, NULL, OPT_HELP},
        {NULL, 0, NULL, 0},
    };
    int option;

    *ret_options = (struct pl_cmd_options){.data = ""};
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (option == OPT_HELP) {
            fputs(form->help, stdout);
            return PL_CONFIG_DONE;
        }
        if (option == OPT_FLAG)
            ret_options->flag = true;
        else if (option != OPT_DATA || !pl_config_path(optarg, ret_options->data))
            return refuse(form, option, argv);
    }
    return read_rest(form, argc, argv, ret_options);
}
